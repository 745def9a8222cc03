"""What an edit of a schedule would change, shown beside its form before anything is saved, and what is wrong in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from incidents.models import User
from oncall import changes, concerns, outlook, rosters, scheduling
from oncall.changes import Change
from oncall.models import Schedule
from oncall.planning import Turns

SHOWN = 30  # stretches; the rest is counted


def answer(request: HttpRequest, schedule: Schedule, layers: Sequence[Turns], *, at: datetime) -> HttpResponse:
    """Show the shifts of the next four weeks that would change, and what looks wrong."""
    before, after = scheduling.imagined(schedule, layers, at=at)
    found = changes.between(before, after, at, at + scheduling.AHEAD)
    context = {
        "schedule": schedule,
        "rows": _rows(found[:SHOWN], ZoneInfo(schedule.time_zone)),
        "more": max(0, len(found) - SHOWN),
        "concerns": concerns.of(after, layers, at=at),
        "holes": outlook.of_schedule(schedule, at=at, imagined=after) if schedule.pk else [],
    }
    return show(request, context)


def concerns_of(schedule: Schedule, layers: Sequence[Turns], *, at: datetime) -> list[str]:
    """What looks wrong in a schedule as it was saved, and which paths through it reach nobody."""
    saved = rosters.load([schedule.pk]).get(schedule.pk)
    wrong = concerns.of(saved, layers, at=at) if saved else []  # a retired one pages nobody anyway
    return wrong + outlook.of_schedule(schedule, at=at)


def show(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The fragment for the form's own script, a page of its own for everybody else."""
    is_fragment = request.headers.get("X-Requested-With") == "fetch"
    name = "_preview.html" if is_fragment else "preview.html"
    around = {} if is_fragment else {**admin.site.each_context(request), "title": "What this would change"}
    return TemplateResponse(request, f"admin/oncall/{name}", {**around, **context})


def _rows(found: Sequence[Change], zone: ZoneInfo) -> list[dict[str, Any]]:
    ids = {person for change in found for person in (*change.before, *change.after)}
    names = dict(User.objects.filter(pk__in=ids).values_list("pk", "name"))
    return [
        {
            "start": change.start.astimezone(zone),
            "end": change.end.astimezone(zone),
            "before": ", ".join(names[person] for person in change.before) or "nobody",
            "after": ", ".join(names[person] for person in change.after) or "nobody",
        }
        for change in found
    ]
