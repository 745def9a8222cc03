"""Checklists and runbooks within an incident: look, tick, take a tick back."""

import re

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from incidents import checking, runbooks
from incidents.models import Incident
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.views.answers import done, refused

NUMBER = re.compile(r"[0-9]{1,9}\Z")


@require_POST
@login_required
def tick_item(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Tick a line of the checklist, or with ``undo`` take the tick back."""
    incident, ticked = incident_to_act_on(request, number), "undo" not in request.POST
    try:
        checking.tick(incident, pk, ticked=ticked, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, "Ticked." if ticked else "The tick is gone.")


@require_safe
@login_required
def runbook(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """The runbook with its steps, as far as they are done in this incident."""
    return _page(request, incident_for(request, number), pk)


@require_POST
@login_required
def tick_step(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Tick a step, or with ``undo`` take the tick back; htmx gets the runbook anew."""
    incident, ticked = incident_to_act_on(request, number), "undo" not in request.POST
    step = request.POST.get("step", "")
    try:
        runbooks.tick(incident, pk, step, ticked=ticked, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return _page(request, incident, pk) if request.htmx else redirect("incidents:runbook", number, pk)


def _page(request: SignedInRequest, incident: Incident, pk: int) -> HttpResponse:
    row = runbooks.offered(incident).filter(pk=pk).first()
    if row is None:
        raise Http404
    context = {
        "incident": incident,
        "runbook": row,
        "parts": runbooks.parts_of(row, incident),
        "at": timezone.now(),
        "may_act": request.user.may_declare,
    }
    return render(request, "incidents/_runbook.html" if request.htmx else "incidents/runbook.html", context)
