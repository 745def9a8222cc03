"""A schedule at a glance: who is on call now, what comes next, who could not be paged."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.models import User
from oncall import rosters, rota
from oncall.models import Schedule
from oncall.reach import usable_methods

AHEAD = timedelta(days=35)
PIECES = 6  # handoffs shown


@dataclass(frozen=True)
class Turn:
    """A stretch with the same people on call, in the schedule's own zone; no names = a gap."""

    start: datetime
    end: datetime
    names: str


@dataclass(frozen=True)
class Outlook:
    """What is seen from one instant. ``now`` holds (name, layer, until or None)."""

    now: tuple[tuple[str, str, datetime | None], ...]
    next: tuple[Turn, ...]
    unreachable: tuple[str, ...]


def of(schedule: Schedule, *, at: datetime) -> Outlook:
    """Look ahead from an instant (7 queries). A retired schedule has nobody."""
    roster = rosters.load([schedule.pk]).get(schedule.pk)
    if roster is None:
        return Outlook((), (), ())
    here = rota.on_call(roster, at)
    pieces = rota.final(roster, at, at + AHEAD)[1 : PIECES + 1]
    people = User.objects.in_bulk({row.person for row in here} | {pk for piece in pieces for pk in piece.people})
    reachable = usable_methods(list(people))
    zone = rota._zone(schedule.time_zone)
    return Outlook(
        now=tuple(
            (str(people[row.person]), row.layer_name or "override", row.until and row.until.astimezone(zone))
            for row in here
        ),
        next=tuple(
            Turn(
                piece.start.astimezone(zone),
                piece.end.astimezone(zone),
                ", ".join(str(people[pk]) for pk in piece.people),
            )
            for piece in pieces
        ),
        unreachable=tuple(sorted(str(person) for pk, person in people.items() if not reachable.get(pk))),
    )
