"""My shifts: what is to come, what I ask of others and they of me."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from incidents.models import User
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from oncall import mine as own
from oncall import shifts, swapping, weighing
from oncall.models import Schedule, Swap
from oncall.shift_forms import AskForm, on_the_wall, parse_instant, which
from oncall.views.schedule import zones_for


@require_GET
@login_required
def mine(request: SignedInRequest) -> HttpResponse:
    """My shifts of the next 90 days, requests either way, my leave."""
    at, person = timezone.now(), request.user
    context = {
        "at": at,
        "shifts": own.upcoming(person, shifts.active_schedules(), at),
        "requests": own.my_requests(person, at),
        "offers": own.offers(person, at),
        "leave": own.leave_to_come(person, at),
        "city": zones_for(Schedule(time_zone=person.time_zone), person)[0]["city"],
    }
    return render(request, "oncall/mine.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def ask(request: SignedInRequest, slug: str) -> HttpResponse:
    """Ask somebody, or anyone of the schedule, to take a shift of mine or a part of it."""
    schedule = get_object_or_404(Schedule.objects.select_related("team"), slug=slug, is_active=True)
    at = timezone.now()
    more: dict[str, Any] = {
        "zones": zones_for(schedule, request.user),
        "people": weighing.people_of(schedule).exclude(pk=request.user.pk),
    }
    if request.method == "POST":
        form = AskForm(request.POST, **more)
        if form.is_valid() and (swap := _ask(form, schedule, request.user, at)):
            whom = swap.asked or "everybody in the schedule"
            messages.success(request, f"{whom} is asked. The shift stays yours until somebody takes it.")
            return redirect("oncall:mine")
    else:
        form = AskForm(initial=_initial(request, more["zones"][0]["name"], at), **more)
    context = {"schedule": schedule, "form": form}
    return render(request, "oncall/swap.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def settle(request: SignedInRequest, pk: int, deed: str) -> HttpResponse:
    """Take a swap, or cancel it: one's own request, or one that was asked of oneself."""
    if deed not in DEEDS:
        raise Http404
    swap = get_object_or_404(Swap.objects.select_related("schedule", "asked_by", "asked"), pk=pk)
    try:
        DEEDS[deed](swap, by=request.user, at=timezone.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _say(deed, swap, request.user))
    return redirect("oncall:mine")


DEEDS: dict[str, Callable[..., Swap]] = {"take": swapping.take, "cancel": swapping.cancel}


def _say(deed: str, swap: Swap, person: User) -> str:
    if deed == "take":
        return f"The shift of {swap.asked_by} in {swap.schedule} is yours. They are told."
    return "Cancelled: the shift stays yours." if swap.asked_by == person else f"Declined. {swap.asked_by} is told."


def _ask(form: AskForm, schedule: Schedule, by: User, at: datetime) -> Swap | None:
    """Ask; a refusal goes to the form."""
    said = form.cleaned_data
    try:
        return swapping.ask(
            schedule, start=said["start"], end=said["end"], asked=said["asked"], note=said["note"], by=by, at=at
        )
    except Refusal as refusal:
        refuse(form, refusal)
        return None


def _initial(request: SignedInRequest, zone: str, at: datetime) -> dict[str, Any]:
    """The stretch that was clicked, from now on where it runs."""
    start, end = (parse_instant(request.GET.get(name, "")) for name in ("from", "to"))
    initial: dict[str, Any] = {}
    if start:
        start = max(start, at)
        initial |= {"start": on_the_wall(start, zone), "start_which": which(start, zone)}
    if end:
        initial |= {"end": on_the_wall(end, zone), "end_which": which(end, zone)}
    return initial
