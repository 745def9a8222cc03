"""The incident page, its live parts and its timeline."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from incidents import assigning, clocks, crew, grading, timeline
from incidents import room as reading
from incidents.assessment import FORMULA
from incidents.forms import EntryForm
from incidents.models import Alert, Incident, Role, Rule, TimelineEntry
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.views.answers import refuse

FILTERS = {
    "decisions": ("decision", "asked", "objection"),
    "findings": ("finding",),
    "updates": ("update",),
}


@require_safe
@login_required
def detail(request: SignedInRequest, number: int) -> HttpResponse:
    """The incident page: what is happening, who has it, what do I do next."""
    incident = incident_for(request, number)
    context = {**room_of(request, incident), **story_of(request, incident), "entry_form": EntryForm()}
    return render(request, "incidents/detail.html", context)


@require_safe
@login_required
def room(request: SignedInRequest, number: int) -> HttpResponse:
    """The parts of the page that follow the incident's state, each swapped by its id."""
    incident = incident_for(request, number)
    return render(request, "incidents/_room.html", {**room_of(request, incident), "swap": True})


@require_safe
@login_required
def timeline_fragment(request: SignedInRequest, number: int) -> HttpResponse:
    """Entries: filtered, older than one (``?before=``), or recorded since one (``?since=``, for polling)."""
    incident = incident_for(request, number)
    since = request.GET.get("since", "")
    if since.isdigit() and len(since) < 10:
        missed = timeline.since(incident, int(since))
        return render(request, "incidents/_entries.html", {"entries": missed, "incident": incident})
    return render(request, "incidents/_story.html", {"incident": incident, **story_of(request, incident)})


@require_POST
@login_required
def add_entry(request: SignedInRequest, number: int) -> HttpResponse:
    """Write to the timeline; htmx gets a fresh composer, a plain form its page, a refused one keeps its text."""
    incident = incident_to_act_on(request, number)
    form = EntryForm(request.POST)
    if form.is_valid():
        try:
            said = form.cleaned_data
            timeline.add(incident, by=request.user, at=timezone.now(), **said)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            if not request.htmx:
                return redirect(incident)
            return render(
                request,
                "incidents/_composer.html",
                {"incident": incident, "entry_form": EntryForm(initial={"kind": said["kind"]})},
            )
    if request.htmx:
        return render(request, "incidents/_composer.html", {"incident": incident, "entry_form": form}, status=422)
    context = {**room_of(request, incident), **story_of(request, incident), "entry_form": form}
    return render(request, "incidents/detail.html", context, status=422)


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


def story_of(request: SignedInRequest, incident: Incident) -> dict[str, Any]:
    """The timeline as asked for: newest first while it is open, oldest first after (1 query)."""
    show = request.GET.get("show", "")
    everything = show == "all"
    before = request.GET.get("before", "")
    mark = None
    if before.isdigit() and len(before) < 10:
        mark = TimelineEntry.objects.filter(incident=incident, seq=int(before)).first()
    entries = timeline.page_of(
        incident, kinds=FILTERS.get(show, ()), noise=everything, before=mark, limit=timeline.NEWEST + 1
    )
    more = len(entries) > timeline.NEWEST
    entries = entries[: timeline.NEWEST]
    return {
        "entries": entries,
        "more": more,
        "oldest": entries[-1].seq if entries else 0,
        "show": show,
        "hidden": getattr(entries[0], "hidden", 0) if entries else incident.timeline_seq,
        "filters": [("", "All"), ("decisions", "Decisions"), ("findings", "Findings"), ("updates", "Updates")],
    }
