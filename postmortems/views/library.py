"""The library: search, facets, and what happened before."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from incidents.models import Service
from incidents.requests import SignedInRequest, incident_for
from postmortems import finding, recurring
from postmortems.finding import Facet, Wanted

PER_PAGE = 20
MOST_CHOICES = 12  # of a facet that are shown
SHORTEST = 4  # letters of a title that can be alike to anything
LONGEST = 200  # characters of what is looked for


@require_safe
@login_required
def library(request: SignedInRequest) -> HttpResponse:
    """Look for postmortems (``?q=``), narrowed by facets."""
    wanted = _wanted(request.GET)
    found = finding.find(request.user, wanted)
    page = Paginator(found.keys, PER_PAGE).get_page(request.GET.get("page"))
    chosen = {name: value for name, value in asdict(wanted).items() if value and name not in ("q", "drills")}
    context: dict[str, Any] = {
        "at": timezone.now(),
        "wanted": wanted,
        "chosen": chosen,
        "page": page,
        "hits": finding.hits(list(page.object_list), wanted.q),
        "count": len(found.keys),
        "found": found,
        "facets": _ways(found.facets, request.GET, chosen),
    }
    return render(request, "postmortems/library.html", context)


def _ways(facets: Sequence[Facet], said: QueryDict, chosen: Mapping[str, str]) -> list[tuple[str, list[Any]]]:
    """Each facet with its choices, the address that a choice leads to, and whether it is chosen (a way back)."""
    ways = []
    for facet in facets:
        choices = []
        for choice in facet.choices[:MOST_CHOICES]:
            is_chosen = chosen.get(facet.name) == choice.value
            choices.append((choice, _address(said, facet.name, "" if is_chosen else choice.value), is_chosen))
        if choices:
            ways.append((facet.label, choices))
    return ways


def _address(said: QueryDict, name: str, value: str) -> str:
    """The present address with another value of one facet, from its first page."""
    other = said.copy()
    for key in ("page", name):
        other.pop(key, None)
    if value:
        other[name] = value
    return f"?{other.urlencode()}"


def _wanted(said: QueryDict) -> Wanted:
    texts = {field.name: said.get(field.name, "")[:LONGEST].replace("\0", "") for field in fields(Wanted)}
    return Wanted(**{**texts, "drills": texts["drills"] == "1"})  # type: ignore[arg-type]  # texts but one


@require_safe
@login_required
def before(request: SignedInRequest, number: int) -> HttpResponse:
    """The card of the incident page: what happened before that was much alike, and what ended it."""
    incident = incident_for(request, number)
    known = recurring.alike(request.user, incident.title, incident.service, but=incident)
    return render(request, "postmortems/_before.html", {"known": known, "at": timezone.now(), "is_card": True})


@require_safe
@login_required
def before_declaring(request: SignedInRequest) -> HttpResponse:
    """The same for what is typed into a declaration."""
    title = request.GET.get("title", "")[:LONGEST].replace("\0", "").strip()
    slug = request.GET.get("service", "")
    is_number = slug.isascii() and slug.isdigit() and len(slug) < 18
    service = Service.objects.filter(pk=int(slug)).first() if is_number else None
    known = recurring.alike(request.user, title, service) if service or len(title) >= SHORTEST else []
    return render(request, "postmortems/_before.html", {"known": known[:3], "at": timezone.now()})
