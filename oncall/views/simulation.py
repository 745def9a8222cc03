"""The simulation: choose a service, a severity, a time and who is silent, and read who would be told, and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from incidents.models import Severity, User
from incidents.requests import SignedInRequest
from oncall import simulation
from oncall.forms import SimulationForm
from oncall.wording import Way, say_span, way


@dataclass(frozen=True)
class Row:
    """A line of the table; ``more`` calls of the same kind follow it."""

    when: str
    moment: datetime
    person: User
    asks: bool
    ways: tuple[Way, ...]
    why: str
    more: int
    last: str


@require_GET
@login_required
def simulate(request: SignedInRequest) -> HttpResponse:
    """Ask, and once the question is whole, answer. Nobody is contacted."""
    at = timezone.now()
    form = SimulationForm(request.GET if "severity" in request.GET else None, zone=request.user.zone)
    if not form.is_bound:
        form = SimulationForm(zone=request.user.zone, initial={"service": request.GET.get("service"), "severity": 0})
    context: dict[str, object] = {"form": form, "at": at}
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        silent = {person.pk for person in said["silent"]} if said["answers"] == "others" else None
        found = simulation.simulate(said["service"], severity=said["severity"], at=said["at"] or at, silent=silent)
        context |= {
            "found": found,
            "rows": rows(found),
            "service": said["service"],
            "severity": _name(said["severity"]),
        }
    return render(request, "oncall/simulate.html", context, status=422 if form.is_bound and form.errors else 200)


def rows(found: simulation.Simulation) -> list[Row]:
    """The table: calls that only repeat are folded into the first of them."""
    folded: list[tuple[simulation.Told, list[timedelta]]] = []
    last: dict[tuple[User, str, tuple[str, ...]], int] = {}
    for one in found.told:
        key = (one.person, one.why, one.channels)
        if "called again" in one.why and key in last:
            folded[last[key]][1].append(one.after)
            continue
        last[key] = len(folded)
        folded.append((one, []))
    return [
        Row(
            when=_offset(one.after),
            moment=found.at + one.after,
            person=one.person,
            asks=one.act == "page",
            ways=tuple(way(channel) for channel in one.channels),
            why=one.why,
            more=len(later),
            last=_offset(later[-1]) if later else "",
        )
        for one, later in folded
    ]


def _offset(after: timedelta) -> str:
    seconds = int(after.total_seconds())
    return f"{seconds // 60}:{seconds % 60:02}" if seconds < 6000 else say_span(after)


def _name(severity: Severity | None) -> str:
    return str(severity) if severity else "an incident whose severity nobody named"
