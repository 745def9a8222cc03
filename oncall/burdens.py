"""The burden of one schedule: the last 90 days as they really were, the next 90 as they stand; who may read what."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from incidents.models import Holiday, Membership, User
from incidents.refusals import Invalid, NotAllowed
from incidents.states import Kind
from oncall import absences, fairness, rights, rosters, rota
from oncall.coverage import Span, joined
from oncall.fairness import Load, Member, Spread
from oncall.models import Act, Page, RotationWeight, Schedule

SPAN = timedelta(days=90)
HEAVIEST = 10  # of a weight
FEWEST = 3  # people whose spread says nothing about one of them


@dataclass(frozen=True)
class Row:
    """One person whom the viewer may see."""

    person: User
    load: Load
    weight: float


@dataclass(frozen=True)
class Burden:
    """One window: the people by name, as far as the viewer may see them, and the spread over all."""

    title: str
    start: datetime
    end: datetime
    rows: tuple[Row, ...]
    spread: dict[str, Spread]
    total: int  # people
    is_ahead: bool = False


def of(schedule: Schedule, viewer: User, at: datetime) -> list[Burden]:
    """Both windows (at most 24 queries). Individual values are for the person, their managers and administrators."""
    return [
        _window("The last 90 days, as they were", schedule, viewer, at - SPAN, at, at),
        _window("The next 90 days, as they stand", schedule, viewer, at, at + SPAN, at),
    ]


def _window(title: str, schedule: Schedule, viewer: User, start: datetime, end: datetime, at: datetime) -> Burden:
    is_ahead = start == at
    roster = rosters.load([schedule.pk]).get(schedule.pk)
    if roster is None:
        return Burden(title, start, end, (), {}, 0)
    pieces = rota.final(roster, start, end)
    people = User.objects.in_bulk(rota.members(roster))
    leave = absences.leave_of(people, start, end)
    weights = dict(RotationWeight.objects.filter(schedule=schedule).values_list("person", "weight"))
    served = {person for piece in pieces for person in piece.people}
    members = {}
    for pk, person in people.items():
        spans = fairness.available(joined(_in_rotation(roster, person, start, end)), leave.get(pk, ()))
        if spans or pk in served:
            members[pk] = Member(person.time_zone, float(weights.get(pk, 1)), spans)
    holidays = set(Holiday.objects.filter(team=schedule.team_id).values_list("date", flat=True))
    loads = fairness.loads(pieces, members, _pages(schedule, set(members), start, end), holidays)
    shown = sorted(_open_to(viewer, schedule, set(loads)), key=lambda pk: (people[pk].name.casefold(), pk))
    rows = tuple(Row(people[pk], loads[pk], members[pk].weight) for pk in shown)
    return Burden(
        title, start, end, rows, fairness.spread(loads.values()) if len(loads) >= FEWEST else {}, len(loads), is_ahead
    )


def _in_rotation(roster: rota.Schedule, person: User, start: datetime, end: datetime) -> list[Span]:
    """When the person was in a layer, from the day they came and until they left."""
    begins = max(start, person.created_at)
    ends = min(end, person.deactivated_at or end)
    spans = []
    for layer in roster.layers:
        if any(person.pk in slot for slot in layer.slots) or any(shift.person == person.pk for shift in layer.shifts):
            span = max(begins, layer.effective_from or begins), min(ends, layer.effective_until or ends)
            if span[0] < span[1]:
                spans.append(span)
    return spans


def _pages(schedule: Schedule, people: set[int], start: datetime, end: datetime) -> dict[int, list[datetime]]:
    """When each person was paged for a real incident of the team (1 query)."""
    rows = Page.objects.filter(
        person__in=people,
        act=Act.PAGE,
        created_at__gte=start,
        created_at__lt=end,
        incident__kind=Kind.REAL,
        incident__service__team=schedule.team_id,
    )
    found: dict[int, list[datetime]] = defaultdict(list)
    for person, moment in rows.order_by("created_at", "pk").values_list("person", "created_at"):
        found[person].append(moment)
    return found


def _open_to(viewer: User, schedule: Schedule, people: set[int]) -> set[int]:
    """Those whose own figures the viewer may read (at most 2 queries)."""
    if rights.may_manage(viewer, schedule.team):
        return people
    managed = Membership.objects.filter(user=viewer, is_manager=True).values("team")
    theirs = Membership.objects.filter(team__in=managed, user__in=people).values_list("user", flat=True)
    return (set(theirs) | {viewer.pk}) & people


@transaction.atomic
def weigh(schedule: Schedule, person: User, weight: float, *, by: User) -> None:
    """Say how much of the turns is meant for a person: 1 as everybody, 0.5 half as much.

    Raises:
        Invalid: the weight is negative or without measure.
        NotAllowed: they do not look after the team.
    """
    if not rights.may_manage(by, schedule.team):
        raise NotAllowed(f"Only managers of {schedule.team} and administrators may do this.")
    if not 0 <= weight <= HEAVIEST:
        raise Invalid("weight", f"Choose a weight from 0 to {HEAVIEST}.")
    RotationWeight.objects.update_or_create(schedule=schedule, person=person, defaults={"weight": weight})
