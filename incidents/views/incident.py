"""The incident page and its live parts."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from incidents import assigning, clocks, crew, grading, visibility
from incidents import room as reading
from incidents.assessment import FORMULA
from incidents.forms import EntryForm
from incidents.models import Alert, Incident, Role, Rule
from incidents.requests import SignedInRequest, incident_for
from incidents.views.telling import story_of


@require_safe
@login_required
def detail(request: SignedInRequest, number: int) -> HttpResponse:
    """The incident page: what is happening, who has it, what do I do next."""
    incident = incident_for(request, number)
    if incident.merged_into and "stay" not in request.GET and visibility.may_see(request.user, incident.merged_into.pk):
        messages.info(request, f"{incident.ref} was merged into this incident.")
        return redirect(incident.merged_into)
    return page_of(request, incident, EntryForm(initial={"occurred_at": request.GET.get("at", "")[:40]}))


def page_of(request: SignedInRequest, incident: Incident, form: EntryForm, *, status: int = 200) -> HttpResponse:
    """The whole page, with the composer as it stands."""
    context = {**room_of(request, incident), **story_of(request, incident), "entry_form": form}
    return render(request, "incidents/detail.html", context, status=status)


@require_safe
@login_required
def room(request: SignedInRequest, number: int) -> HttpResponse:
    """The parts of the page that follow the incident's state, each swapped by its id."""
    incident = incident_for(request, number)
    return render(request, "incidents/_room.html", {**room_of(request, incident), "swap": True})


def room_of(request: SignedInRequest, incident: Incident) -> dict[str, Any]:
    """What the parts that follow the incident's state show (9 queries)."""
    at = timezone.now()
    found = clocks.of(incident)
    chips = reading.chips(incident, found, at)
    tasks = assigning.of(incident, request.user)
    owed = next((chip.due_at for chip in chips if chip.rule == Rule.COMMANDER), None)
    people = crew.read(incident, tasks, owed)
    commander, waits = people.holder_of(Role.COMMANDER), reading.waiting(incident)
    return {
        "incident": incident,
        "at": at,
        "phases": reading.phases(incident, found, at),
        "chips": chips,
        "tasks": tasks,
        "open_tasks": sum(task.done_at is None for task in tasks),
        "next": reading.next_step(incident, request.user, chips, tasks, people, waits.asked, at),
        "asked": waits.asked,
        "may_decide": commander is None or commander == request.user,
        "update": waits.update,
        "promise": next((chip for chip in chips if chip.rule == Rule.UPDATE and chip.due_at), None),
        "proposal": waits.proposal,
        "slip": grading.last_change(incident, at),
        "slip_until": incident.contract_started_at + grading.UNDO_WITHIN,
        "alerts": list(Alert.objects.filter(incident=incident).order_by("status", "-last_received_at", "pk")[:5]),
        "may_act": request.user.may_declare,
        "crew": people,
        "slots": people.shown(),
        "commander": commander,
        "formula": FORMULA,
    }
