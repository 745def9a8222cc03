"""A temporary schedule: for a while, shifts are written down one by one, and nothing else counts."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents.refusals import Invalid, Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from oncall import frames, rosters, rota, temporaries, weighing
from oncall.models import Schedule, TemporarySchedule
from oncall.shift_forms import FixedFormSet, FixForm, on_the_wall, parse_instant, which
from oncall.views.overrides import schedule_to_arrange
from oncall.views.schedule import zones_for

USUAL = timedelta(days=7)
MOST_BEGUN_WITH = 60  # rows that are filled in from the schedule as it is


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def fix(request: SignedInRequest, slug: str) -> HttpResponse:
    """The range and its shifts; begins with those that the layers would give."""
    schedule, at = schedule_to_arrange(request, slug), timezone.now()
    zones = zones_for(schedule, request.user)
    if request.method == "POST":
        form = FixForm(request.POST, zones=zones)
        rows = _rows(schedule, request.POST, _chosen(zones, request.POST.get("zone", "")))
        if "fill" in request.POST:
            form.is_valid()
            rows = _as_it_is(schedule, form, zones)
        elif form.is_valid() & rows.is_valid() and _fix(schedule, form, rows, request, at):
            messages.success(request, "The temporary schedule stands. Everybody whose shift moves is told.")
            return redirect("oncall:schedule", schedule.slug)
    else:
        form = FixForm(zones=zones, initial=_initial(request, zones, at))
        rows = _as_it_is(schedule, form, zones)
    bad = form.is_bound and (form.errors or any(rows.errors))
    context = {"schedule": schedule, "form": form, "rows": rows}
    return render(request, "oncall/temporary.html", context, status=422 if bad else 200)


@require_POST
@login_required
def unfix(request: SignedInRequest, slug: str, pk: int) -> HttpResponse:
    """End a temporary schedule now, or take it away where it has not begun."""
    schedule = schedule_to_arrange(request, slug)
    row = get_object_or_404(TemporarySchedule.objects.select_related("schedule"), pk=pk, schedule=schedule)
    try:
        kept = temporaries.unfix(row, by=request.user, at=timezone.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The temporary schedule {'ends now' if kept else 'is removed'}: the layers decide.")
    return redirect("oncall:schedule", schedule.slug)


def _chosen(zones: list[dict[str, str]], key: str) -> dict[str, str]:
    return next((one for one in zones if one["key"] == key), zones[0])


def _rows(schedule: Schedule, said: Any, zone: dict[str, str], initial: list[dict[str, Any]] | None = None) -> Any:
    kwargs = {"zones": [zone], "people": weighing.people_of(schedule)}
    return FixedFormSet(said, prefix="shift", initial=initial, form_kwargs=kwargs)


def _initial(request: SignedInRequest, zones: list[dict[str, str]], at: datetime) -> dict[str, Any]:
    """The range that the address names; else a week from the next midnight on."""
    zone = _chosen(zones, request.GET.get("zone", ""))
    tomorrow = at.astimezone(ZoneInfo(zone["name"])).date() + timedelta(days=1)
    start = parse_instant(request.GET.get("from", "")) or frames.midnight(tomorrow, ZoneInfo(zone["name"]))
    end = parse_instant(request.GET.get("to", "")) or start + USUAL
    return {
        "zone": zone["key"],
        "start": on_the_wall(start, zone["name"]),
        "end": on_the_wall(end, zone["name"]),
    }


def _as_it_is(schedule: Schedule, form: FixForm, zones: list[dict[str, str]]) -> Any:
    """Rows filled in with who would be on call in the range without a temporary schedule."""
    zone = _chosen(zones, str(form["zone"].value() or ""))
    start, end = _range(form, zone["name"])
    roster = rosters.load([schedule.pk]).get(schedule.pk)
    pieces = rota.final(roster, start, end) if roster and start and end else ()
    initial = [
        {
            "person": person,
            "start": on_the_wall(piece.start, zone["name"]),
            "start_which": which(piece.start, zone["name"]),
            "end": on_the_wall(piece.end, zone["name"]),
            "end_which": which(piece.end, zone["name"]),
        }
        for piece in pieces
        for person in piece.people
    ]
    return _rows(schedule, None, zone, initial[:MOST_BEGUN_WITH])


def _range(form: FixForm, zone: str) -> tuple[datetime | None, datetime | None]:
    if form.is_bound:
        return form.cleaned_data.get("start"), form.cleaned_data.get("end")
    walls = (form.initial["start"], form.initial["end"])
    start, end = (rota.to_utc(wall, zone) for wall in walls)
    return start, end


def _fix(schedule: Schedule, form: FixForm, rows: Any, request: SignedInRequest, at: datetime) -> bool:
    """Do it; a refusal goes to the row or the form that it is about."""
    said, kept = form.cleaned_data, [row for row in rows if row.fixed()]
    try:
        temporaries.fix(
            schedule,
            start=said["start"],
            end=said["end"],
            shifts=[row.fixed() for row in kept],
            reason=said["reason"],
            by=request.user,
            at=at,
        )
    except Invalid as refusal:
        _, _, where = refusal.field.partition("shifts.")
        number, _, field = where.partition(".")
        if number.isdecimal():
            kept[int(number)].add_error(field, str(refusal))
        else:
            refuse(form, refusal)
        return False
    except Refusal as refusal:
        refuse(form, refusal)
        return False
    return True
