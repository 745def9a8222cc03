"""Postmortems: the list, one of them, and the card of the incident page."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.requests import SignedInRequest, incident_for
from postmortems import commenting, drafting, exporting, library, publishing, recurring, worklist, writers
from postmortems.blameless import Check
from postmortems.causes import Causes
from postmortems.models import Erratum, Review
from postmortems.requests import standing_for

PER_PAGE = 50
EXPORTS: dict[str, tuple[Callable[[dict[str, Any]], str], str]] = {
    "md": (exporting.as_markdown, "text/markdown"),
    "html": (exporting.as_html, "text/html"),
    "json": (exporting.as_json, "application/json"),
}


@require_GET
@login_required
def document_list(request: SignedInRequest) -> HttpResponse:
    """Every postmortem that the person may see, late ones first (3 queries beside the shell's)."""
    at = timezone.now()
    shown: Any = library.visible_to(request.user, at)
    show = request.GET.get("show", "")
    if show == "mine":
        shown = shown.filter(owner=request.user)
    if show == "late":
        shown = shown.filter(stage=library.LATE)
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "at": at,
        "page": page,
        "rows": [library.standing(document) for document in page.object_list],
        "headline": library.headline(request.user, at),
        "show": show if show in ("mine", "late") else "",
    }
    return render(request, "postmortems/document_list.html", context)


@require_GET
@login_required
def detail(request: SignedInRequest, number: int) -> HttpResponse:
    """The whole document, to be read, printed, and written section by section."""
    at = timezone.now()
    standing = standing_for(request, number, at)
    causes, published = Causes(standing.document), standing.is_published
    parts, check = library.parts_of(standing.document), Check()
    causes.mind(check)
    threads = commenting.threads_of(standing.incident)
    about = commenting.by_key(threads)
    causes.count(about)
    waiting = [thread.first for thread in threads if thread.first.is_open]
    items = worklist.of(standing.incident, at, about)
    reviews = list(Review.objects.filter(postmortem=standing.document).select_related("reviewer").order_by("pk"))
    roots = [node.why for node in causes.roots]
    blocking = [first for first in waiting if first.is_blocking]
    held = publishing.Held([part.section for part in parts], items, reviews, blocking)
    context = {
        "at": at,
        "standing": standing,
        "incident": standing.incident,
        "causes": causes,
        "missing": [] if published else publishing.missing_of(standing.document, causes, held),
        "reviews": reviews,
        "section_threads": {part.section.key: about.get(f"section-{part.section.key}", []) for part in parts},
        "open_comments": len(waiting),
        "all_comments": len(threads),
        "errata": Erratum.objects.filter(section__postmortem=standing.document)
        .select_related("section", "by")
        .order_by("pk"),
        "facts": standing.document.facts if published else {},
        "actions": items,
        "returns": recurring.returns(request.user, standing.document, roots),
        "may_act": request.user.may_declare,
        "parts": parts,
        "exports": [("md", "Markdown"), ("html", "HTML"), ("json", "JSON")],
        "writers": {} if published else writers.in_document(standing.document, at),
        "hints": publishing.hints_of([part.section for part in parts], check),
        "moments": library.moments_of(standing.incident),
        "people": library.people_of(standing.incident),
        "may_write": request.user.may_declare and not standing.is_published,
    }
    return render(request, "postmortems/detail.html", context)


@require_GET
@login_required
def export(request: SignedInRequest, number: int, form: str) -> HttpResponse:
    """The postmortem as a file: ``md``, ``html`` or ``json``."""
    at = timezone.now()
    standing = standing_for(request, number, at)
    write, kind = EXPORTS[form]
    text = write(exporting.as_data(standing.document, at))
    response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{standing.incident.ref}-postmortem.{form}"'
    return response


@require_GET
@login_required
def card(request: SignedInRequest, number: int) -> HttpResponse:
    """What the incident page says of the postmortem, or when there will be one."""
    at = timezone.now()
    incident = incident_for(request, number)
    document = library.visible_to(request.user, at).filter(incident=incident).first()
    context = {
        "at": at,
        "incident": incident,
        "standing": library.standing(document) if document else None,
        "due_after": drafting.in_words(incident.scaled(incident.severity.postmortem_due)),
    }
    return render(request, "postmortems/_card.html", context)
