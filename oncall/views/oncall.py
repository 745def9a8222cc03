"""Who is on call: every team on one page, and one schedule with its coming days."""

import math
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.models import User
from incidents.requests import SignedInRequest
from oncall import rights, shifts
from oncall.agenda import Agenda
from oncall.models import Schedule
from oncall.wording import city, enumerate_words

LOOK_EVERY = 60  # seconds; the page asks again that often, and at each handoff


@require_GET
@login_required
def now(request: SignedInRequest) -> HttpResponse:
    """Who is on call now, until when, and how to reach them; what nobody covers; my own shifts."""
    at = timezone.now()
    watch = shifts.Watch(shifts.active_schedules(), at, viewer=request.user)
    teams = shifts.teams_on_duty(watch)
    mine = watch.of(request.user)
    context = {
        "at": at,
        "teams": teams,
        "uncovered": enumerate_words([str(one.team) for one in teams if one.uncovered]),
        "mine": mine,
        "my_present": [shift for shift in mine if shift.start <= at],
        "arranges": rights.teams_arranged_by(request.user),
        "look_again": _look_again(watch),
    }
    if request.htmx:
        return render(request, "oncall/_now.html", context)
    return render(request, "oncall/now.html", context)


def _look_again(watch: shifts.Watch) -> int | None:
    """In how many seconds the next handoff comes; None: not before the page looks by itself."""
    change = watch.next_change()
    seconds = math.ceil((change - watch.at).total_seconds()) + 1 if change else LOOK_EVERY
    return seconds if seconds < LOOK_EVERY else None


@require_GET
@login_required
def schedule(request: SignedInRequest, slug: str) -> HttpResponse:
    """One schedule: the coming days as they will be, its layers in words, its overrides."""
    at = timezone.now()
    found = get_object_or_404(Schedule.objects.select_related("team"), slug=slug)
    zones = zones_for(found, request.user)
    zone = next((one for one in zones if one["key"] == request.GET.get("zone")), zones[0])
    agenda = Agenda(found, at, ZoneInfo(zone["name"]))
    context = {"at": at, "schedule": found, "agenda": agenda, "zones": zones, "zone": zone}
    return render(request, "oncall/schedule.html", context)


def zones_for(found: Schedule, person: User) -> list[dict[str, Any]]:
    """The clocks on which a schedule can be read: the reader's own, and its own where that differs."""
    mine = {"key": "mine", "name": person.time_zone, "city": city(person.time_zone)}
    its = {"key": "schedule", "name": found.time_zone, "city": city(found.time_zone)}
    mine["label"], its["label"] = f"{mine['city']}, yours", f"{its['city']}, the schedule’s"
    return [mine] if mine["name"] == its["name"] else [mine, its]
