"""The five whys: the workspace, and each deed as a plain form that HTMX opens in place."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from incidents.models import TimelineEntry
from incidents.models.timeline import NOISE
from incidents.refusals import Refusal, StaleVersion
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from postmortems import commenting, tree
from postmortems import whys as deeds
from postmortems.blameless import Check
from postmortems.causes import Causes
from postmortems.forms import DepthForm, EvidenceForm, ParentsForm, WhyForm
from postmortems.library import Standing
from postmortems.models import Evidence, Why, WhyKind
from postmortems.requests import standing_for, standing_to_write, why_to_write

LOOKS = [("tree", "Tree", "network"), ("list", "List", "list-ordered"), ("back", "Therefore", "undo-2")]
OFFERED = 200  # entries of the timeline to choose evidence from
ASKED = {
    WhyKind.SYMPTOM: ("answer", "joined"),
    WhyKind.STRENGTH: ("question", "answer", "confidence"),
    WhyKind.CAUSE: (
        "question",
        "answer",
        "confidence",
        "is_root_cause",
        "category",
        "enough_because",
        "accepted_risk",
        "joined",
    ),
}
NEW = tuple(name for name in ASKED[WhyKind.CAUSE] if name not in {"accepted_risk", "joined"})


@require_safe
@login_required
def whys(request: SignedInRequest, number: int) -> HttpResponse:
    """The workspace: as a tree, as a list, or read backwards (``?as=``)."""
    standing = standing_for(request, number, timezone.now())
    return render(request, "postmortems/whys.html", workspace(request, standing))


def workspace(request: SignedInRequest, standing: Standing, look: str = "") -> dict[str, Any]:
    """What the workspace shows (8 queries)."""
    wanted = look or request.GET.get("as", "")
    causes = Causes(standing.document)
    causes.mind(Check())
    causes.count(commenting.by_key(commenting.threads_of(standing.incident)))
    return {
        "at": timezone.now(),
        "standing": standing,
        "incident": standing.incident,
        "causes": causes,
        "look": wanted if wanted in {key for key, _, _ in LOOKS} else "tree",
        "looks": LOOKS,
        "removed": Why.objects.filter(postmortem=standing.document, removed_at__isnull=False).order_by(
            "-removed_at", "pk"
        ),
        "may_write": request.user.may_declare and not standing.is_published,
        "depth_form": DepthForm(initial={"target_depth": standing.document.target_depth}),
    }


@require_http_methods(["GET", "POST"])
@login_required
def ask_why(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Ask why of one answer; ``?root=1`` asks for the root cause, ``?kind=strength`` for what went well."""
    at = timezone.now()
    standing, parent = why_to_write(request, number, pk, at)
    well = request.GET.get("kind") == WhyKind.STRENGTH
    kind = WhyKind.STRENGTH if well else WhyKind.CAUSE
    names = ASKED[kind] if well else NEW
    question = deeds.WENT_WELL if well else tree.next_question(parent.answer)
    known = {"question": request.GET.get("question") or question, "is_root_cause": request.GET.get("root") == "1"}
    form = WhyForm(request.POST or None, initial=known).only(names)
    title = "State the root cause" if known["is_root_cause"] else "What went well" if well else "Ask again: why?"
    if request.method == "POST" and form.is_valid():
        try:
            why = deeds.ask(standing.document, form.said(), under=[pk], kind=kind, by=request.user, at=at)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return _done(request, standing, "Added.", why)
    return _ask(request, standing, parent, form, title=title, verb="Add the answer")


@require_http_methods(["GET", "POST"])
@login_required
def edit_why(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Say an answer differently, mark it as a root cause, or take it out."""
    at = timezone.now()
    standing, why = why_to_write(request, number, pk, at)
    said = deeds.said_of(why)
    form = WhyForm(request.POST or None, initial={**vars(said), "version": why.version})
    form.only(ASKED[WhyKind(why.kind)])
    if request.method == "POST" and form.is_valid():
        try:
            deeds.edit(why, form.said(said), by=request.user, at=at, version=form.cleaned_data["version"])
        except Refusal as refusal:
            _refuse(form, refusal, why)
        else:
            return _done(request, standing, "Saved.", why)
    removable = why.kind != WhyKind.SYMPTOM
    return _ask(request, standing, why, form, title="Edit", verb="Save", removable=removable)


@require_http_methods(["GET", "POST"])
@login_required
def move_why(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Put an answer somewhere else, or below several others: a shared cause."""
    at = timezone.now()
    standing, why = why_to_write(request, number, pk, at)
    causes = Causes(standing.document)
    node = causes.nodes.get(pk)
    if node is None or why.kind == WhyKind.SYMPTOM:
        raise Http404
    known = {"parents": [parent.pk for parent in node.parents], "version": why.version}
    offered = [other for other in causes.rows if other.why != why and other.why.kind != WhyKind.STRENGTH]
    form = ParentsForm(request.POST or None, initial=known).offer(offered)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            deeds.edit(why, deeds.said_of(why), under=said["parents"], by=request.user, at=at, version=said["version"])
        except Refusal as refusal:
            _refuse(form, refusal, why)
        else:
            return _done(request, standing, "Moved.", why)
    return _ask(request, standing, why, form, title="Move or share", verb="Save")


@require_http_methods(["GET", "POST"])
@login_required
def add_evidence(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Say what an answer rests on."""
    at = timezone.now()
    standing, why = why_to_write(request, number, pk, at)
    entries = TimelineEntry.objects.filter(incident=standing.incident).standing().exclude(kind__in=NOISE)
    form = EvidenceForm(request.POST or None)
    form.fields["entry"].queryset = entries.order_by("occurred_at", "seq")  # type: ignore[attr-defined]
    form.fields["entry"].label_from_instance = _entry_words  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        try:
            deeds.add_evidence(why, by=request.user, at=at, **form.cleaned_data)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return _done(request, standing, "Evidence added.", why)
    pieces = why.evidence.select_related("entry").order_by("pk")
    return _ask(request, standing, why, form, title="Evidence", verb="Add", pieces=pieces)


def _entry_words(entry: TimelineEntry) -> str:
    return f"{entry.occurred_at:%H:%M} {entry.kind_label}: {' '.join(entry.text.split())[:90]}"


@require_POST
@login_required
def remove_why(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Take an answer out of the tree; it can be brought back."""
    at = timezone.now()
    standing, why = why_to_write(request, number, pk, at)
    try:
        deeds.remove(why, by=request.user, at=at)
    except Refusal as refusal:
        return _refused(request, standing, refusal)
    return _done(request, standing, "Removed. It can be brought back below the tree.")


@require_POST
@login_required
def restore_why(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Bring a removed answer back."""
    at = timezone.now()
    standing, why = why_to_write(request, number, pk, at)
    try:
        deeds.restore(why, by=request.user, at=at)
    except Refusal as refusal:
        return _refused(request, standing, refusal)
    return _done(request, standing, "It is back.", why)


@require_POST
@login_required
def tick(request: SignedInRequest, number: int, pk: int, parent: int) -> HttpResponse:
    """Say whether one step of the way back holds."""
    at = timezone.now()
    standing, why = why_to_write(request, number, pk, at)
    _, above = why_to_write(request, number, parent, at)
    try:
        deeds.tick(why, above, holds=request.POST.get("holds") == "1", by=request.user, at=at)
    except Refusal as refusal:
        return _refused(request, standing, refusal)
    return _done(request, standing, "", why, look="back")


@require_POST
@login_required
def remove_evidence(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Take a piece of evidence away."""
    standing = standing_to_write(request, number, timezone.now())
    mine = Evidence.objects.filter(why__postmortem=standing.document).select_related("why__postmortem")
    piece = mine.filter(pk=pk).first()
    if piece is None:
        raise Http404
    try:
        deeds.remove_evidence(piece)
    except Refusal as refusal:
        return _refused(request, standing, refusal)
    return _done(request, standing, "Evidence removed.", piece.why)


@require_POST
@login_required
def set_depth(request: SignedInRequest, number: int) -> HttpResponse:
    """Say how often to ask."""
    standing = standing_to_write(request, number, timezone.now())
    form = DepthForm(request.POST)
    try:
        if not form.is_valid():
            raise Refusal("Ask 3 to 10 times.")
        deeds.set_target_depth(standing.document, form.cleaned_data["target_depth"])
        standing.document.target_depth = form.cleaned_data["target_depth"]
    except Refusal as refusal:
        return _refused(request, standing, refusal)
    return _done(request, standing, "")


def _refuse(form: forms.Form, refusal: Refusal, why: Why) -> None:
    """Show why it was refused; who was second may read the news and send the same words again."""
    refuse(form, refusal)
    if isinstance(refusal, StaleVersion):
        fresh = Why.objects.values_list("version", flat=True).get(pk=why.pk)
        form.data = {**form.data.dict(), "version": fresh}  # type: ignore[attr-defined]


def _ask(
    request: SignedInRequest, standing: Standing, why: Why, form: forms.Form, *, title: str, verb: str, **more: Any
) -> HttpResponse:
    """The form: in place for htmx, as a page of its own without."""
    context = {
        "at": timezone.now(),
        "standing": standing,
        "incident": standing.incident,
        "why": why,
        "form": form,
        "title": title,
        "verb": verb,
        **more,
    }
    template = "postmortems/_why_form.html" if request.htmx else "postmortems/why_form.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


def _done(
    request: SignedInRequest, standing: Standing, words: str, why: Why | None = None, look: str = ""
) -> HttpResponse:
    """After a deed: the fresh workspace for htmx, the page for a plain form, at the answer in both."""
    if words:
        messages.success(request, words)
    if not request.htmx:
        where = reverse("postmortems:whys", args=[standing.incident.number])
        return redirect(f"{where}{f'?as={look}' if look else ''}{f'#why-{why.pk}' if why and not look else ''}")
    response = render(request, "postmortems/_whys.html", {**workspace(request, standing, look), "fresh": True})
    if why:
        trigger_client_event(response, "why-saved", {"id": why.pk}, after="settle")
    return reswap(retarget(response, "#whys"), "outerHTML")


def _refused(request: SignedInRequest, standing: Standing, refusal: Refusal) -> HttpResponse:
    messages.warning(request, str(refusal))
    if not request.htmx:
        return redirect("postmortems:whys", standing.incident.number)
    response = render(request, "postmortems/_whys.html", {**workspace(request, standing), "fresh": True}, status=422)
    return reswap(retarget(response, "#whys"), "outerHTML")
