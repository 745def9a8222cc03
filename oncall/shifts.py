"""Shifts for people to read: who is on call in each schedule, until when, who follows, what nobody covers.

Everything comes from ``rota``, read in a constant number of queries; whether a hole matters is judged for the team:
schedules that take turns around the sun have holes by design.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from incidents.models import Membership, Service, Team, User
from oncall import reasons, rosters, rota
from oncall.models import Schedule
from oncall.reach import usable_methods
from oncall.reasons import Reason
from oncall.wording import Way, say_stretch, way

HORIZON = timedelta(days=14)  # how far holes are sought
MY_HORIZON = timedelta(days=28)
SCHEMES = {"voice": "tel", "sms": "sms", "email": "mailto"}
MY_SHIFTS = 5  # of my own, that a page lists


@dataclass(frozen=True)
class Contact:
    """Ways that lead to one address of a person; it is empty for those who need not know it."""

    ways: tuple[Way, ...]
    channel: str  # the first of them
    address: str

    @property
    def href(self) -> str:
        """What a tap on the address does; empty = nothing."""
        scheme = SCHEMES.get(self.channel)
        return f"{scheme}:{self.address}" if scheme and self.address else ""


@dataclass(frozen=True)
class OnDuty:
    """A person who is on call in a schedule now. ``until`` None = not within a year."""

    person: User
    until: datetime | None
    reason: Reason
    contacts: tuple[Contact, ...]


@dataclass(frozen=True)
class Stretch:
    """A stretch of time with the people on call in it; nobody = a hole."""

    start: datetime
    end: datetime
    people: tuple[User, ...]
    words: str  # from when to when


@dataclass(frozen=True)
class Duty:
    """A schedule now: who has it, and the stretch that follows (None = no handoff within the horizon)."""

    schedule: Schedule
    people: tuple[OnDuty, ...]
    following: Stretch | None


@dataclass(frozen=True)
class TeamDuty:
    """A team's schedules now, and the stretches in which none of them has anybody."""

    team: Team
    duties: tuple[Duty, ...]
    holes: tuple[Stretch, ...]
    has_services: bool

    @property
    def filled_in(self) -> Schedule | None:
        """The schedule in which a hole of the team is to be filled."""
        return next((duty.schedule for duty in self.duties if duty.schedule.answers_for_team), None)

    @property
    def uncovered(self) -> bool:
        """Nobody answers for the team at this moment."""
        return not any(duty.people for duty in self.duties if duty.schedule.answers_for_team)


@dataclass(frozen=True)
class TeamHole:
    """The next stretch in which nobody answers for a team, and the schedule to fill it in."""

    team: Team
    stretch: Stretch
    schedule: Schedule
    running: bool


@dataclass(frozen=True)
class MyShift:
    """A stretch in which I am on call."""

    schedule: Schedule
    start: datetime
    end: datetime | None  # None: it goes on beyond the horizon
    words: str = ""  # from when to when


class Watch:
    """Some schedules with their people, loaded once (at most 10 queries, 11 where overrides stand) for one instant."""

    def __init__(self, schedules: Iterable[Schedule], at: datetime, *, viewer: User | None = None) -> None:
        """``schedules`` come with their team. With a ``viewer``, ways to reach people are loaded too."""
        self.schedules = list(schedules)
        self.at = at
        self.rosters = rosters.load([schedule.pk for schedule in self.schedules], since=at)
        ids = {person for roster in self.rosters.values() for person in rota.members(roster)}
        self.people = User.objects.in_bulk(ids)
        self._contacts = _contacts(ids, viewer) if viewer else {}
        by_hand = {pk for pk, roster in self.rosters.items() if _standing(roster, at)}
        self._overrides = reasons.overrides_at(by_hand, at) if by_hand else {}

    def pieces(self, schedule: Schedule, horizon: timedelta = HORIZON) -> tuple[rota.Piece, ...]:
        """The final schedule from now to the horizon."""
        roster = self.rosters.get(schedule.pk)
        return rota.final(roster, self.at, self.at + horizon) if roster else ()

    def stretch(self, piece: rota.Piece) -> Stretch:
        """The piece with its people."""
        people = tuple(self.people[pk] for pk in piece.people if pk in self.people)
        return Stretch(piece.start, piece.end, people, say_stretch(piece.start, piece.end, self.at))

    def duty(self, schedule: Schedule) -> Duty:
        """Who is on call in the schedule now, and what follows."""
        roster = self.rosters.get(schedule.pk)
        rows = rota.on_call(roster, self.at) if roster else ()
        people = tuple(
            OnDuty(
                self.people[row.person],
                row.until,
                reasons.why(row, self._overrides),
                self._contacts.get(row.person, ()),
            )
            for row in rows
            if row.person in self.people
        )
        later = self.pieces(schedule)[1:2]
        return Duty(schedule, people, self.stretch(later[0]) if later else None)

    def holes(self, schedules: Sequence[Schedule]) -> tuple[Stretch, ...]:
        """The stretches up to the horizon in which none of the schedules has anybody."""
        if not schedules:
            return ()
        common = [(self.at, self.at + HORIZON)]
        for schedule in schedules:
            gaps = [(gap.start, gap.end) for gap in rota.gaps(self.pieces(schedule))]
            common = _overlap(common, gaps)
        return tuple(Stretch(start, end, (), say_stretch(start, end, self.at)) for start, end in common)

    def of(self, person: User) -> list[MyShift]:
        """The person's own shifts, running and to come, the next ones first."""
        found = []
        for schedule in self.schedules:
            roster = self.rosters.get(schedule.pk)
            if roster and person.pk in rota.members(roster):
                found += own_stretches(schedule, self.pieces(schedule, MY_HORIZON), person, self.at + MY_HORIZON)
        next_ones = sorted(found, key=lambda shift: (shift.start, shift.schedule.pk))[:MY_SHIFTS]
        return [replace(shift, words=say_stretch(shift.start, shift.end, self.at)) for shift in next_ones]

    def next_change(self) -> datetime | None:
        """When the next person comes on or goes off call in any of the schedules; None: not within the horizon."""
        ends = [self.pieces(schedule)[0].end for schedule in self.schedules if schedule.pk in self.rosters]
        soon = [end for end in ends if end < self.at + HORIZON]
        return min(soon, default=None)


def active_schedules() -> list[Schedule]:
    """All schedules that page people, with their teams, by team and name."""
    rows = Schedule.objects.filter(is_active=True).select_related("team")
    return list(rows.order_by("team__name", "name", "pk"))


def nearest(schedules: Sequence[Schedule], person: User) -> list[Schedule]:
    """The schedules of the person's own teams first, in the given order otherwise (1 query)."""
    own = set(Membership.objects.filter(user=person).values_list("team_id", flat=True))
    return sorted(schedules, key=lambda schedule: schedule.team_id not in own)


def next_holes(watch: Watch, every: Sequence[Schedule]) -> list[TeamHole]:
    """The next hole of each team all of whose answering schedules are watched, the soonest first."""
    watched = {schedule.pk for schedule in watch.schedules}
    found = []
    for team in {schedule.team_id: schedule.team for schedule in watch.schedules}.values():
        own = [schedule for schedule in every if schedule.team_id == team.pk and schedule.answers_for_team]
        if watched.issuperset(schedule.pk for schedule in own) and (holes := watch.holes(own)):
            found.append(TeamHole(team, holes[0], own[0], running=holes[0].start <= watch.at))
    return sorted(found, key=lambda hole: (hole.stretch.start, hole.team.name, hole.team.pk))


def teams_on_duty(watch: Watch) -> list[TeamDuty]:
    """Every team that runs a schedule or owns a service, by name (1 query)."""
    owns = Exists(Service.objects.filter(team=OuterRef("pk"), is_active=True))
    teams = Team.objects.annotate(owns=owns).filter(Q(owns=True) | Q(schedules__is_active=True)).distinct()
    found = []
    for team in teams.order_by("name", "pk"):
        own = [schedule for schedule in watch.schedules if schedule.team_id == team.pk]
        holes = watch.holes([schedule for schedule in own if schedule.answers_for_team])
        found.append(TeamDuty(team, tuple(watch.duty(schedule) for schedule in own), holes, team.owns))
    return found


def _standing(roster: rota.Schedule, at: datetime) -> bool:
    return any(each.start <= at < each.end for each in roster.overrides)


def _overlap(
    one: Sequence[tuple[datetime, datetime]], other: Sequence[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    """What both lists of stretches have in common."""
    both = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return [(start, end) for start, end in both if start < end]


def own_stretches(schedule: Schedule, pieces: Sequence[rota.Piece], person: User, horizon: datetime) -> list[MyShift]:
    """The stretches with the person in them; neighbours that differ in others alone are one."""
    shifts: list[MyShift] = []
    for piece in pieces:
        if person.pk not in piece.people:
            continue
        end = piece.end if piece.end < horizon else None
        if shifts and shifts[-1].end == piece.start:
            shifts[-1] = MyShift(schedule, shifts[-1].start, end)
        else:
            shifts.append(MyShift(schedule, piece.start, end))
    return shifts


def _contacts(ids: Collection[int], viewer: User) -> Mapping[int, tuple[Contact, ...]]:
    """How each person can be reached; addresses only for colleagues of a team and administrators (2 queries)."""
    own_teams = Membership.objects.filter(user=viewer).values("team")
    colleagues = set(Membership.objects.filter(team__in=own_teams, user__in=ids).values_list("user_id", flat=True))
    found = {}
    for pk, methods in usable_methods(ids).items():
        open_to_viewer = viewer.is_administrator or pk == viewer.pk or pk in colleagues
        by_address: dict[str, list[str]] = {}
        for row in methods:
            by_address.setdefault(row.address if open_to_viewer else "", []).append(row.channel)
        found[pk] = tuple(
            Contact(tuple(way(channel) for channel in dict.fromkeys(channels)), channels[0], address)
            for address, channels in by_address.items()
        )
    return found
