"""The calendars of one schedule: addresses that programs read, and layers that are read from other programs."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents.refusals import Invalid, Refusal
from incidents.requests import SignedInRequest
from oncall import feeds, foreign, rights
from oncall.forms import CalendarForm
from oncall.models import ForeignCalendar, Schedule
from oncall.views.feeds import fresh_address

DEEDS = {
    "refresh": (foreign.ask_now, "Asked for it again: it is read within seconds."),
    "end": (foreign.detach, "Ended. The layer has nobody from now on."),
}


@require_http_methods(["GET", "POST"])
@login_required
def calendars(request: SignedInRequest, slug: str) -> HttpResponse:
    """What programs read of this schedule and what it reads of others; a POST adds a layer."""
    found = get_object_or_404(Schedule.objects.select_related("team"), slug=slug)
    manages = rights.may_manage(request.user, found.team)
    form = CalendarForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            foreign.attach(found, by=request.user, at=timezone.now(), **form.cleaned_data)
        except Invalid as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Added. It is read within seconds and then every quarter of an hour.")
            return redirect("oncall:calendars", slug)
    context = {
        "at": timezone.now(),
        "schedule": found,
        "manages": manages,
        "form": form if manages or form.errors else None,
        "feeds": feeds.feeds_on(found, request.user),
        "fresh": fresh_address(request),
        "calendars": ForeignCalendar.objects.filter(layer__schedule=found, ended_at=None)
        .select_related("layer", "by")
        .order_by("-layer__priority", "pk"),
    }
    return render(request, "oncall/calendars.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def act(request: SignedInRequest, pk: int, deed: str) -> HttpResponse:
    """Read a calendar again, or end its layer."""
    if deed not in DEEDS:
        raise Http404
    calendar = get_object_or_404(ForeignCalendar.objects.select_related("layer__schedule__team"), pk=pk)
    do, said = DEEDS[deed]
    try:
        do(calendar, by=request.user, at=timezone.now())
        messages.success(request, said)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("oncall:calendars", calendar.layer.schedule.slug)
