"""The escalation card of an incident and the deeds that steer its ladder; a refusal is said on the card."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from incidents import holding, visibility
from incidents.forms import NOT_WHOLE, NothingToAsk
from incidents.models import Incident
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for
from oncall import escalation, progress, snoozing
from oncall.forms import SnoozeForm

Steer = Callable[[Incident, datetime, int], object]


@require_GET
@login_required
def card(request: SignedInRequest, number: int) -> HttpResponse:
    """The ladder of an incident: what is done, what is next and when, who was reached."""
    return _card(request, incident_for(request, number))


@require_POST
@login_required
def escalate_now(request: SignedInRequest, number: int) -> HttpResponse:
    """Bring the next level forward."""

    def steer(incident: Incident, at: datetime, version: int) -> object:
        return escalation.escalate_now(incident, by=request.user, at=at, version=version)

    return _steered(request, number, steer, "The next level is paged now.")


@require_POST
@login_required
def unacknowledge(request: SignedInRequest, number: int) -> HttpResponse:
    """Say that nobody has it in hand any more."""

    def steer(incident: Incident, at: datetime, version: int) -> object:
        return holding.unacknowledge(incident, by=request.user, at=at, version=version)

    return _steered(request, number, steer, "Nobody has it now: the ladder goes on.")


@require_POST
@login_required
def snooze(request: SignedInRequest, number: int) -> HttpResponse:
    """Call nobody for a while."""
    form = SnoozeForm(request.POST)
    minutes = form.cleaned_data["minutes"] if form.is_valid() else 0

    def steer(incident: Incident, at: datetime, version: int) -> object:
        return snoozing.snooze(incident, until=at + timedelta(minutes=minutes), by=request.user, at=at, version=version)

    return _steered(request, number, steer, "Snoozed: nobody is called until then.")


@require_POST
@login_required
def unsnooze(request: SignedInRequest, number: int) -> HttpResponse:
    """End the silence now."""

    def steer(incident: Incident, at: datetime, version: int) -> object:
        return snoozing.unsnooze(incident, by=request.user, at=at, version=version)

    return _steered(request, number, steer, "The snooze is over: the ladder goes on.")


@require_POST
@login_required
def apply_policy(request: SignedInRequest, number: int) -> HttpResponse:
    """Follow the policy as it stands now."""

    def steer(incident: Incident, at: datetime, version: int) -> object:
        return escalation.apply_policy(incident, by=request.user, at=at, version=version)

    return _steered(request, number, steer, "The ladder follows the policy as it stands now.")


def _steered(request: SignedInRequest, number: int, steer: Steer, words: str) -> HttpResponse:
    incident = incident_for(request, number)
    try:
        visibility.require_responder(request.user)
        form = NothingToAsk(request.POST)
        if not form.is_valid():
            raise Refusal(NOT_WHOLE)
        steer(incident, timezone.now(), form.cleaned_data["version"])
    except Refusal as refusal:
        if request.htmx:
            incident = incident_for(request, number)
            return _card(request, incident, refusal=str(refusal), status=422)
        messages.warning(request, str(refusal))
        return redirect(incident)
    messages.success(request, words)
    return _card(request, incident_for(request, number), news=True) if request.htmx else redirect(incident)


def _card(request: SignedInRequest, incident: Incident, *, status: int = 200, **more: Any) -> HttpResponse:
    at = timezone.now()
    context = {"incident": incident, "at": at, "climb": progress.card(incident, at), "snooze": SnoozeForm(), **more}
    response = render(request, "oncall/_escalation_card.html", context, status=status)
    if more.get("news"):
        response["HX-Trigger"] = "deed-done"
    return response
