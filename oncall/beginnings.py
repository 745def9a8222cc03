"""A first rotation for a team from a few answers: people in order, the day and time of the handoff, a time zone.

One layer in turns of a week, and the first of the people has the turn from now on. What it becomes later is edited in
the administration.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.text import slugify

from incidents.models import Team, User
from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import anchors, rights, rota, scheduling
from oncall.models import Schedule, Unit
from oncall.planning import Turns
from oncall.reach import usable_methods

WEEKS = 4  # of the preview
WEEK = timedelta(days=7)
LONGEST_SLUG = 50
LAYER = "Weekly"


@dataclass(frozen=True)
class Wanted:
    """The answers. ``weekday``: Monday 0."""

    team: Team
    name: str
    people: tuple[User, ...]
    weekday: int
    clock: time
    time_zone: str


@dataclass(frozen=True)
class Week:
    """A turn of the preview."""

    start: datetime
    end: datetime
    people: tuple[User, ...]


@transaction.atomic
def begin(wanted: Wanted, *, by: User, at: datetime) -> Schedule:
    """Make the rotation; it answers for its team from now on.

    Raises:
        Conflict: the team has a schedule of that name.
        Invalid: one of the answers cannot be right.
        NotAllowed: the person looks neither after the team nor after everything.
    """
    team = Team.objects.select_for_update(no_key=True).get(
        pk=wanted.team.pk
    )  # two who begin at once are one after another
    if not rights.may_manage(by, team):
        raise NotAllowed(f"Only managers of {team} and administrators may make its rotation.")
    if Schedule.objects.filter(team=team, name__iexact=wanted.name).exists():
        raise Conflict(f"{team} has a schedule called “{wanted.name}” already. Choose another name.")
    schedule = Schedule(slug=_free_slug(wanted.name), name=wanted.name, team=team, time_zone=wanted.time_zone)
    return scheduling.create(schedule, [turns(wanted, at)])


def foresee(wanted: Wanted, at: datetime) -> list[Week]:
    """Who would be on call in the first four weeks; nothing is saved."""
    schedule = Schedule(name=wanted.name, team=wanted.team, time_zone=wanted.time_zone)
    _, after = scheduling.imagined(schedule, [turns(wanted, at)], at=at)
    people = {person.pk: person for person in wanted.people}
    pieces = rota.final(after, at, at + (WEEKS + 1) * WEEK)
    return [Week(piece.start, piece.end, tuple(people[pk] for pk in piece.people)) for piece in pieces[:WEEKS]]


def warnings(wanted: Wanted) -> list[str]:
    """What to think of before it is made; refuses nothing (2 queries)."""
    methods = usable_methods([person.pk for person in wanted.people])
    words = [
        f"{person} has no verified way to be reached: a page would not get through."
        for person in wanted.people
        if person.pk not in methods
    ]
    if len(wanted.people) == 1:
        words.append(f"{wanted.people[0]} is on call without a break. Add somebody to take turns with.")
    standing = Schedule.objects.filter(team=wanted.team, is_active=True, answers_for_team=True).order_by("name", "pk")
    words += [f"{wanted.team} has {other} already: a page goes to both." for other in standing]
    return words


def turns(wanted: Wanted, at: datetime) -> Turns:
    """The one layer: the first of the people has the turn that runs at the instant.

    Raises:
        Invalid: nobody is in it, or somebody twice.
    """
    ids = [person.pk for person in wanted.people]
    if not ids:
        raise Invalid("people", "Choose at least one person.")
    if len(set(ids)) < len(ids):
        raise Invalid("people", "Somebody is in the order twice. Each person takes one turn in a round.")
    anchor, ago = _anchor(wanted, at)
    first = -ago % len(ids)
    order = ids[first:] + ids[:first]
    return Turns(
        name=LAYER,
        priority=0,
        time_zone=wanted.time_zone,
        anchor=anchor,
        unit=Unit.WEEK,
        length=1,
        slots=tuple((pk,) for pk in order),
        effective_from=at,
    )


def _anchor(wanted: Wanted, at: datetime) -> tuple[str, int]:
    """The last handoff that there was on the wall clock, and how many turns before the present one it lies."""
    local = at.astimezone(ZoneInfo(wanted.time_zone)).replace(tzinfo=None)
    wall = datetime.combine(local.date() - timedelta(days=(local.weekday() - wanted.weekday) % 7), wanted.clock)
    if wall > local:
        wall -= WEEK
    for ago in range(WEEKS):
        try:
            return anchors.read(f"{wall - ago * WEEK:%Y-%m-%dT%H:%M}", wanted.time_zone).text, ago
        except Invalid:  # the clocks went forward over it: the week before has it
            continue
    raise Invalid("clock", "There is no such time in that zone.")


def suggested_name(team: Team) -> str:
    """A name that no schedule of the team has (1 query)."""
    taken = {name.lower() for name in Schedule.objects.filter(team=team).values_list("name", flat=True)}
    candidates: Sequence[str] = [
        f"{team} on call",
        *(f"{team} on call {number}" for number in range(2, len(taken) + 3)),
    ]
    return next(name for name in candidates if name.lower() not in taken)


def _free_slug(name: str) -> str:
    base = slugify(name)[: LONGEST_SLUG - 4].strip("-") or "schedule"
    taken = set(Schedule.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(
        slug for slug in (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))) if slug not in taken
    )
