"""The parts of the incident page and the board that belong to the pager. Each is one template, asked for by htmx."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.models import Incident
from incidents.requests import SignedInRequest, incident_for
from oncall import contacts, pages, progress, shifts

CARD_SCHEDULES = 8  # on the board; the rest stands on the page of its own
CARD_HOLES = 2


@require_GET
@login_required
def escalation_clock(request: SignedInRequest, number: int) -> HttpResponse:
    """The escalation's chip in the row of clocks."""
    incident, at = incident_for(request, number), timezone.now()
    context = {"incident": incident, "at": at, "chip": progress.chip(incident, at)}
    return render(request, "oncall/_escalation_clock.html", context)


@require_GET
@login_required
def pages_card(request: SignedInRequest, number: int) -> HttpResponse:
    """Who was paged, by what, and what became of it; with ``?list`` the list alone, which renews itself."""
    incident = incident_for(request, number)
    rows = pages.of_incident(incident)
    asked, answered = pages.counts(rows)
    context = {"incident": incident, "at": timezone.now(), "pages": rows, "asked": asked, "answered": answered}
    return render(request, "oncall/_pages.html" if "list" in request.GET else "oncall/_pages_card.html", context)


@require_GET
@login_required
def on_call_card(request: SignedInRequest) -> HttpResponse:
    """Who is on call now, my own teams first, and the next hole."""
    at = timezone.now()
    every = shifts.active_schedules()
    shown = shifts.nearest(every, request.user)[:CARD_SCHEDULES]
    watch = shifts.Watch(shown, at)
    context = {
        "at": at,
        "duties": [watch.duty(schedule) for schedule in shown],
        "holes": shifts.next_holes(watch, every)[:CARD_HOLES],
        "more": len(every) - len(shown),
    }
    return render(request, "oncall/_on_call_card.html", context)


@require_GET
@login_required
def my_pages(request: SignedInRequest) -> HttpResponse:
    """My last pages, and how fast I answered."""
    visible = Incident.objects.visible_to(request.user)
    last, stopped = pages.last_of(request.user, visible=visible), contacts.stopped(request.user)
    return render(request, "oncall/_my_pages.html", {"at": timezone.now(), "pages": last, "stopped": stopped})


@require_GET
@login_required
def my_open_page(request: SignedInRequest) -> HttpResponse:
    """The page that waits for my answer; nothing when there is none."""
    at = timezone.now()
    calling = pages.calling(request.user, at)
    return render(request, "oncall/_my_open_page.html", {"at": at, "calling": calling}) if calling else HttpResponse()
