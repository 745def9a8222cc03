"""Override a schedule from its page: a form that begins filled in, what it would change, and how to lift it again."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents.models import User
from incidents.refusals import NotAllowed, Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from oncall import overriding, rights, weighing
from oncall.agenda import say_override
from oncall.models import Override, Schedule
from oncall.shift_forms import OverrideForm, on_the_wall, parse_instant, which
from oncall.views.schedule import zones_for

HOUR = timedelta(hours=1)
USUAL = timedelta(hours=8)  # of an override for which no time is named


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def override(request: SignedInRequest, slug: str) -> HttpResponse:
    """The form, filled in from what was clicked or dragged; ``weigh`` only shows what it would change."""
    schedule, at = schedule_to_arrange(request, slug), timezone.now()
    weighed = None
    if request.method == "POST":
        form = _form(request, schedule, request.POST)
        if form.is_valid():
            try:
                if "weigh" in request.POST:
                    weighed = _weigh(schedule, form, request.user, at)
                else:
                    row = overriding.override(schedule, form.wish(), by=request.user, at=at)
                    messages.success(request, f"Saved: {say_override(row)}.")
                    return redirect(_page(schedule, row.start, request.POST.get("zone", "")))
            except Refusal as refusal:
                refuse(form, refusal)
    else:
        form = _filled_in(request, schedule, at)
    context = {"schedule": schedule, "form": form, "weighed": weighed, "at": at, "zone": _zone(form)}
    return render(request, "oncall/override.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def weigh(request: SignedInRequest, slug: str) -> HttpResponse:
    """What the form as it stands would change; says what is missing while it is not whole."""
    schedule = schedule_to_arrange(request, slug)
    form, weighed, refused = _form(request, schedule, request.POST), None, ""
    if form.is_valid():
        try:
            weighed = _weigh(schedule, form, request.user, timezone.now())
        except Refusal as refusal:
            refused = str(refusal)
    else:
        refused = next(str(error) for errors in form.errors.values() for error in errors)
    context = {"weighed": weighed, "refused": refused, "zone": _zone(form)}
    return render(request, "oncall/_weighed.html", context)


@require_POST
@login_required
def lift(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """End an override now, or take it away where it has not begun."""
    schedule = schedule_to_arrange(request, slug)
    row = get_object_or_404(Override.objects.select_related("schedule", "person", "replaces"), pk=pk, schedule=schedule)
    words = say_override(row)
    try:
        kept = overriding.lift(row, by=request.user, at=timezone.now())
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, f"Ended now: {words}." if kept else f"Removed: {words}. The layers decide again.")
    return redirect("oncall:schedule", schedule.slug)


def schedule_to_arrange(request: SignedInRequest, slug: str) -> Schedule:
    """The schedule for a change by hand.

    Raises:
        Http404: there is none, or it is retired.
        NotAllowed: the person is neither of its team nor an administrator.
    """
    schedule = get_object_or_404(Schedule.objects.select_related("team"), slug=slug, is_active=True)
    if not rights.may_arrange(request.user, schedule.team):
        raise NotAllowed(f"Only members of {schedule.team} and administrators may change who is on call in {schedule}.")
    return schedule


def _form(request: SignedInRequest, schedule: Schedule, said: Any = None, **more: Any) -> OverrideForm:
    return OverrideForm(said, zones=zones_for(schedule, request.user), people=weighing.people_of(schedule), **more)


def _zone(form: OverrideForm) -> str:
    """The zone whose clock the form speaks of."""
    return form.zones.get(str(form["zone"].value()), next(iter(form.zones.values())))


def _filled_in(request: SignedInRequest, schedule: Schedule, at: datetime) -> OverrideForm:
    said = request.GET
    now = at.replace(minute=0, second=0, microsecond=0) + HOUR
    start = parse_instant(said.get("from", "")) or now
    end = parse_instant(said.get("to", "")) or start + USUAL
    if start < at < end:
        start = at
    instead = said.get("instead", "")
    proposal = weighing.propose(
        schedule, start, max(end, start), instead=int(instead) if instead.isdecimal() else None, by=request.user
    )
    zones = zones_for(schedule, request.user)
    zone = next((one for one in zones if one["key"] == said.get("zone")), zones[0])
    initial = {
        "zone": zone["key"],
        "start": on_the_wall(start, zone["name"]),
        "start_which": which(start, zone["name"]),
        "end": on_the_wall(end, zone["name"]),
        "end_which": which(end, zone["name"]),
        "kind": proposal.kind,
        "person": proposal.person,
        "replaces": proposal.replaces,
    }
    return _form(request, schedule, initial=initial)


def _weigh(schedule: Schedule, form: OverrideForm, by: User, at: datetime) -> weighing.Weighed:
    """Check as the deed does, then look ahead.

    Raises:
        Refusal: the deed would refuse.
    """
    return weighing.weigh(schedule, overriding.check(schedule, form.wish(), by=by, at=at))


def _page(schedule: Schedule, start: datetime, zone: str) -> str:
    """The schedule's page at that day."""
    query = urlencode({"on": f"{start:%Y-%m-%d}", "zone": zone or "mine"})
    return f"{reverse('oncall:schedule', args=[schedule.slug])}?{query}"
