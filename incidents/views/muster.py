"""All hands: the card with its roll-call, and its deeds."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from incidents import mustering
from incidents.forms import ReasonForm
from incidents.models import Incident
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.views.answers import ask, done, refuse, refused


@require_safe
@login_required
def card(request: SignedInRequest, number: int) -> HttpResponse:
    """Whether all hands are called, who is there, who is free again."""
    return render(request, "incidents/_muster.html", card_of(request, incident_for(request, number)))


@require_POST
@login_required
def call(request: SignedInRequest, number: int) -> HttpResponse:
    """Call all hands now."""
    incident = incident_to_act_on(request, number)
    try:
        mustering.call(incident, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, "All hands are called.")


@require_POST
@login_required
def release(request: SignedInRequest, number: int) -> HttpResponse:
    """Let one person go (``person``), or everybody."""
    incident = incident_to_act_on(request, number)
    person = request.POST.get("person", "")
    chosen = int(person) if person.isascii() and person.isdigit() and len(person) < 10 else None
    try:
        mustering.release(incident, by=request.user, at=timezone.now(), person=chosen)
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, "Released.")


@require_http_methods(["GET", "POST"])
@login_required
def decline(request: SignedInRequest, number: int) -> HttpResponse:
    """Ask why all hands are not needed."""
    incident = incident_to_act_on(request, number)
    form = ReasonForm(request.POST or None, initial={"version": incident.version})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            mustering.decline(incident, by=request.user, at=timezone.now(), **said)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, "Nobody more is called.")
    return ask(request, incident, form, title="All hands are not needed", verb="Do not call")


def card_of(request: SignedInRequest, incident: Incident) -> dict[str, Any]:
    """What the card shows (at most 4 queries)."""
    muster = mustering.present(incident)
    return {
        "incident": incident,
        "at": timezone.now(),
        "muster": muster,
        "teams": mustering.roll_call(muster) if muster and muster.called_at else {},
        "comes_at": None if muster else mustering.comes_at(incident),
        "may_act": request.user.may_declare,
    }
