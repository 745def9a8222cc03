"""Who is on call now: every team on one page."""

import math

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.requests import SignedInRequest
from oncall import rights, shifts
from oncall.wording import enumerate_words

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
        "manages": rights.teams_managed_by(request.user),
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
