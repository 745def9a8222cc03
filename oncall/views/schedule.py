"""One schedule: as a timeline by layer, as a month, as a list. The address holds what is shown."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.models import User
from incidents.requests import SignedInRequest
from oncall import frames, lanes, rights
from oncall.agenda import Agenda
from oncall.frames import SPAN_WORDS, Frame, Span
from oncall.models import Schedule
from oncall.wording import city

LOOKS = {"timeline": "Timeline", "calendar": "Calendar", "list": "List"}


@dataclass(frozen=True)
class State:
    """What the address asks for; whatever it does not say, or says wrong, is as usual."""

    look: str
    span: Span
    zone: dict[str, str]
    on: date | None  # None: today

    def link(self, **changes: object) -> str:
        """The address of the same with something else."""
        said = {"as": self.look, "span": self.span.value, "zone": self.zone["key"], "on": self.on} | changes
        return "?" + urlencode({key: value for key, value in said.items() if value is not None})


@require_GET
@login_required
def schedule(request: SignedInRequest, slug: str) -> HttpResponse:
    """One schedule: who has it when, what changes it by hand, its layers in words."""
    at = timezone.now()
    found = get_object_or_404(Schedule.objects.select_related("team"), slug=slug)
    zones = zones_for(found, request.user)
    state = _read(request.GET, zones)
    zone = ZoneInfo(state.zone["name"])
    frame = frames.around(state.span, state.on or at.astimezone(zone).date(), zone)
    agenda = Agenda(found, at, zone, frame.whole_weeks() if state.look == "calendar" else frame)
    context = {
        "at": at,
        "schedule": found,
        "agenda": agenda,
        "frame": frame,
        "state": state,
        "zones": zones,
        "zone": state.zone,
        "needs": [(agenda.people[need.person], need) for need in agenda.needs()],
        "swaps": agenda.open_swaps(),
        "may_arrange": found.is_active and rights.may_arrange(request.user, found.team),
        "controls": _controls(state, frame, zones),
        "drawing": lanes.draw(agenda, frame) if state.look == "timeline" else None,
    }
    return render(request, "oncall/schedule.html", context)


def zones_for(found: Schedule, person: User) -> list[dict[str, str]]:
    """The clocks on which a schedule can be read: the reader's own, and its own where that differs."""
    mine = {"key": "mine", "name": person.time_zone, "city": city(person.time_zone)}
    its = {"key": "schedule", "name": found.time_zone, "city": city(found.time_zone)}
    mine["label"], its["label"] = f"{mine['city']}, yours", f"{its['city']}, the schedule’s"
    return [mine] if mine["name"] == its["name"] else [mine, its]


def _read(said: QueryDict, zones: list[dict[str, str]]) -> State:
    look = said.get("as", "")
    look = look if look in LOOKS else "timeline"
    span = said.get("span", "")
    span = Span(span) if span in list(map(str, Span)) else Span.WEEKS
    return State(
        look=look,
        span=Span.MONTH if look == "calendar" else span,
        zone=next((one for one in zones if one["key"] == said.get("zone")), zones[0]),
        on=frames.read_day(said.get("on", "")),
    )


def _controls(state: State, frame: Frame, zones: list[dict[str, str]]) -> dict[str, Any]:
    """The links that change what is shown, each with its words and whether it is on."""
    return {
        "looks": [(words, state.link(**{"as": key}), key == state.look) for key, words in LOOKS.items()],
        "spans": [(SPAN_WORDS[span], state.link(span=span.value), span == state.span) for span in Span],
        "zones": [(one["label"], state.link(zone=one["key"]), one == state.zone) for one in zones],
        "earlier": state.link(on=frame.earlier),
        "later": state.link(on=frame.later),
        "today": state.link(on=None),
    }
