"""What is done about it: mitigation actions, checklists, runbooks; cards of the incident page, and their own page."""

from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from incidents import checking, clocks, remedies, runbooks
from incidents import room as reading
from incidents.forms import ActionEndForm, ActionForm
from incidents.models import Incident, MitigationAction, Worked
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.states import Phase
from incidents.views.answers import ask, done, refuse, told


@require_safe
@login_required
def doing(request: SignedInRequest, number: int) -> HttpResponse:
    """The cards for htmx, a page with them without."""
    incident, at = incident_for(request, number), timezone.now()
    context = {
        "incident": incident,
        "at": at,
        "actions": remedies.of(incident),
        "checklist": checklist_of(incident, at),
        "runbooks": list(runbooks.with_counts(incident)),
        "may_act": request.user.may_declare,
    }
    return render(request, "incidents/_doing.html" if request.htmx else "incidents/doing.html", context)


def checklist_of(incident: Incident, at: datetime) -> list[tuple[reading.Step, list[checking.Line], int]]:
    """The phases up to the next one, each with its lines and how many are ticked (4 queries)."""
    lines = checking.of(incident)
    steps = reading.phases(incident, clocks.of(incident), at)
    now = Phase(incident.phase).position
    shown = [step for step in steps if step.phase.position <= now + 1 and lines[step.phase]]
    return [(step, lines[step.phase], sum(line.tick is not None for line in lines[step.phase])) for step in shown]


@require_http_methods(["GET", "POST"])
@login_required
def start_action(request: SignedInRequest, number: int) -> HttpResponse:
    """Say what is tried."""
    incident = incident_to_act_on(request, number)
    form = ActionForm(request.POST or None, incident=incident, initial=told(request, "text"))
    if request.method == "POST" and form.is_valid():
        said = {**form.cleaned_data, "owner": form.cleaned_data["owner"] or request.user}
        try:
            remedies.start(incident, by=request.user, at=timezone.now(), **said)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, "It is on the timeline. Say what came of it.")
    return ask(request, incident, form, title="Try something", verb="Start")


@require_http_methods(["GET", "POST"])
@login_required
def finish_action(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Say what came of it."""
    incident = incident_to_act_on(request, number)
    action = MitigationAction.objects.filter(incident=incident, pk=pk).first()
    if action is None:
        raise Http404
    form = ActionEndForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            ended = remedies.finish(incident, pk, by=request.user, at=timezone.now(), **form.cleaned_data)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            stops = ended.worked == Worked.YES and incident.mitigated_at is None
            return done(request, incident, "It worked: mark the incident mitigated." if stops else "Noted.")
    return ask(request, incident, form, title=action.text, verb="Save")
