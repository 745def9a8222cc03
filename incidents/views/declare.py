"""Declare an incident in three answers, from any page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from incidents import lifecycle, questions, search
from incidents.forms import DeclareForm, QuestionsForm
from incidents.models import Incident, Service, Severity
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from incidents.visibility import require_responder

SHORTEST = 4  # letters that can be alike to anything
MOST_KNOWN = 3


@require_http_methods(["GET", "POST"])
@login_required
def declare(request: SignedInRequest) -> HttpResponse:
    """Ask three things, then open the incident and page."""
    require_responder(request.user)
    form = DeclareForm(request.POST or None, initial={"service": request.GET.get("service")})
    suggested = None
    if request.method == "POST" and "assess" in request.POST:
        suggested = questions.suggest(_answered(request))
        form = DeclareForm(initial=_kept(request, suggested))
    elif request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            incident = lifecycle.declare(lifecycle.Declaration(**said), by=request.user, at=timezone.now())
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return redirect(incident)
    context = {"form": form, "severities": Severity.objects.order_by("level"), "suggested": suggested}
    return render(request, "incidents/declare.html", context, status=422 if form.is_bound else 200)


@require_GET
@login_required
def suggestion(request: SignedInRequest) -> HttpResponse:
    """The level that the answers given so far speak for, with the reasons."""
    form = QuestionsForm({**request.GET.dict(), "version": "0"})
    found = questions.suggest(form.given) if form.is_valid() else None
    return render(request, "incidents/_suggestion.html", {"suggested": found})


@require_GET
@login_required
def preview(request: SignedInRequest) -> HttpResponse:
    """Open incidents that may be the same: by the words typed so far, and by the service once it is chosen."""
    title = request.GET.get("title", "")[:200].replace("\0", "").strip()
    slug = request.GET.get("service", "")
    service = (
        Service.objects.filter(pk=int(slug)).first() if slug.isascii() and slug.isdigit() and len(slug) < 18 else None
    )
    known: list[Incident] = []
    if service or len(title) >= SHORTEST:
        rows = Incident.objects.visible_to(request.user).open().select_related("severity", "service__team", "held_by")
        known = list(search.alike(rows, title, service)[:MOST_KNOWN])
    return render(request, "incidents/_known.html", {"known": known, "at": timezone.now()})


def _answered(request: SignedInRequest) -> dict[str, str]:
    form = QuestionsForm({**request.POST.dict(), "version": "0"})
    return form.given if form.is_valid() else {}


def _kept(request: SignedInRequest, suggested: questions.Suggested | None) -> dict[str, object]:
    """What was typed so far, with the suggested level chosen: the way without a script."""
    typed: dict[str, object] = dict(request.POST.items())
    if suggested:
        typed["severity"] = suggested.severity.level
    return typed
