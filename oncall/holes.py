"""The holes ahead: for each service and severity, when no level of its ladder reaches a verified human.

Feeds rows to ``oncall.coverage`` in a constant number of queries. The fallback contact is no answer: it is told apart.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from incidents.models import Access, Incident, Membership, Organisation, Service, Severity, Team, User
from oncall import policies, rosters, rota, worktime
from oncall.coverage import Coverage, Gap, Level, Rows, Target
from oncall.models import Act, ContactMethod, EscalationLevel, EscalationPolicy, Leave, Schedule
from oncall.reach import usable_methods
from oncall.wording import enumerate_words, say_stretch

AHEAD = timedelta(days=30)
LAST_TO_FALL_BACK = 2  # P0 to P2: when nobody can be reached, the fallback contact always is (I13)
LEVELS = 5
SHOWN = 3  # people whom a reason names


@dataclass(frozen=True)
class Path:
    """What happens to incidents of one service and severity (None = nobody named one), and its gaps."""

    service: Service
    severity: Severity | None
    policy: EscalationPolicy | None
    gaps: tuple[Gap, ...]
    falls_back: bool  # in a gap the fallback contact is paged

    @property
    def label(self) -> str:
        """P0 to P4; “no severity”."""
        return f"P{self.severity.level}" if self.severity else "no severity"


@dataclass(frozen=True)
class Hole:
    """One stretch in which some services of a team reach nobody at some severities, for one reason."""

    team: Team
    start: datetime
    end: datetime
    reason: str
    labels: tuple[str, ...]
    services: tuple[Service, ...]
    caught_by: tuple[User, ...]  # the fallback; nobody = the page is lost on all
    goes_on: bool  # beyond what was looked at
    words: str  # from when to when

    @property
    def paths(self) -> str:
        """“P0 to P3 of Checkout and Ledger”."""
        names = [str(service) for service in self.services]
        named = names if len(names) <= SHOWN + 1 else [*names[:SHOWN], f"{len(names) - SHOWN} other services"]
        return f"{say_labels(self.labels)} of {enumerate_words(named)}"


@dataclass(frozen=True)
class Report:
    """Every path between two instants."""

    at: datetime
    until: datetime
    paths: tuple[Path, ...]
    people: dict[int, User]
    fallbacks: dict[int, tuple[User, ...]]  # by team

    @property
    def open_paths(self) -> list[Path]:
        """Those with a gap."""
        return [path for path in self.paths if path.gaps]

    def caught_by(self, path: Path) -> tuple[User, ...]:
        """Who is told in a gap of the path."""
        return self.fallbacks[path.service.team_id] if path.falls_back else ()

    def holes(self) -> list[Hole]:
        """The gaps by team and time; services and severities that share one are named together."""
        found: dict[tuple[int, datetime, datetime, bool], list[tuple[Path, Gap]]] = defaultdict(list)
        for path in self.paths:
            for gap in path.gaps:
                found[path.service.team_id, gap.start, gap.end, path.falls_back].append((path, gap))
        holes = [self._hole(rows) for rows in found.values()]
        return sorted(holes, key=lambda hole: (hole.start, hole.team.name, hole.team.pk, hole.labels))

    def by_team(self) -> list[tuple[Team, list[Hole]]]:
        """The holes of each team that has any, the soonest first."""
        found: dict[int, list[Hole]] = defaultdict(list)
        for hole in self.holes():
            found[hole.team.pk].append(hole)
        return [(holes[0].team, holes) for holes in found.values()]

    def by_service(self) -> list[tuple[Service, list[Path]]]:
        """All paths by service, in the order of their names."""
        return [(service, list(own)) for service, own in groupby(self.paths, key=lambda path: path.service)]

    def _hole(self, rows: Sequence[tuple[Path, Gap]]) -> Hole:
        paths = [path for path, _ in rows]
        gap = _merged([gap for _, gap in rows])
        goes_on = gap.end >= self.until
        return Hole(
            team=paths[0].service.team,
            start=gap.start,
            end=gap.end,
            reason=self.reason(gap, paths[0].policy),
            labels=tuple(dict.fromkeys(path.label for path in paths)),
            services=tuple(dict.fromkeys(path.service for path in paths)),
            caught_by=self.caught_by(paths[0]),
            goes_on=goes_on,
            words=say_stretch(gap.start, None if goes_on else gap.end, self.at),
        )

    def reason(self, gap: Gap, policy: EscalationPolicy | None) -> str:
        """Say why nobody is reached."""
        if policy is None:
            return "there is no ladder"
        away = self._say(gap.away, "is away", "are away")
        silent = self._say(gap.unverified, "has no verified contact method", "have no verified contact method")
        return "; ".join(part for part in (away, silent) if part) or "nobody is on call"

    def _say(self, people: Sequence[int], one: str, many: str) -> str:
        names = sorted(str(self.people[pk]) for pk in people if pk in self.people)
        if len(names) > SHOWN:
            names = [*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} others"]
        return f"{enumerate_words(names)} {one if len(people) == 1 else many}" if names else ""


def report(
    at: datetime,
    *,
    ahead: timedelta = AHEAD,
    services: Iterable[Service] | None = None,
    imagined: rota.Schedule | None = None,
) -> Report:
    """Judge every path of the active services, or of those given, which come with their team (at most 19 queries).

    ``imagined`` stands in for the schedule of its id, where that one is in use.
    """
    if services is None:
        services = Service.objects.filter(is_active=True).select_related("team").order_by("team__name", "name", "pk")
    services = list(services)
    known = policies.active()
    ladders = {policy.pk: tuple(_as_level(level) for level in _in_order(policy)) for policy in known}
    teams = {service.team_id for service in services}
    rows = _rows(teams, [level for ladder in ladders.values() for level in ladder], at, ahead)
    if imagined and imagined.id in rows.rosters:
        rows = replace(rows, rosters={**rows.rosters, imagined.id: imagined})
    coverage = Coverage(rows, at, at + ahead)
    severities = [*Severity.objects.order_by("level"), None]
    paths = tuple(
        _judge(service, severity, known, ladders, coverage) for service in services for severity in severities
    )
    concerned = {pk for path in paths for gap in path.gaps for pk in (*gap.away, *gap.unverified)}
    return Report(at, at + ahead, paths, User.objects.in_bulk(concerned), _fallbacks(services))


def _merged(gaps: Sequence[Gap]) -> Gap:
    """Gaps of one stretch as one, with everybody who would have been meant."""
    unverified = sorted({pk for gap in gaps for pk in gap.unverified})
    away = sorted({pk for gap in gaps for pk in gap.away})
    return Gap(gaps[0].start, gaps[0].end, tuple(unverified), tuple(away))


def say_labels(labels: Sequence[str]) -> str:
    """“P0 to P3”, “P2 and P4”, “every severity”."""
    levels = [int(label[1:]) for label in labels if label.startswith("P")]
    if len(levels) == LEVELS and len(labels) > LEVELS:
        return "every severity"
    words = [f"P{level}" for level in levels]
    if len(levels) > 2 and levels == list(range(levels[0], levels[-1] + 1)):
        words = [f"P{levels[0]} to P{levels[-1]}"]
    return enumerate_words([*words, *(label for label in labels if not label.startswith("P"))])


def _judge(
    service: Service,
    severity: Severity | None,
    known: Sequence[EscalationPolicy],
    ladders: dict[int, tuple[Level, ...]],
    coverage: Coverage,
) -> Path:
    supposed = Incident(pk=0, service=service, severity=severity, severity_assumed=severity is None)
    policy = policies.choose(known, supposed)
    gaps = coverage.gaps(ladders[policy.pk] if policy else (), service.team_id)
    must = severity is None or severity.level <= LAST_TO_FALL_BACK
    return Path(service, severity, policy, gaps, must or policy is None or policy.falls_back)


def _in_order(policy: EscalationPolicy) -> list[EscalationLevel]:
    return sorted(policy.levels.all(), key=lambda row: (row.after, row.position))


def _as_level(level: EscalationLevel) -> Level:
    targets = tuple(
        Target(row.kind, row.schedule_id or 0, row.user_id or 0, row.rank)
        for row in sorted(level.targets.all(), key=lambda row: row.pk)
    )
    return Level(targets, level.act == Act.PAGE, level.hours)


def _rows(teams: Collection[int], levels: Sequence[Level], at: datetime, ahead: timedelta) -> Rows:
    """Read everything that decides (11 queries, 3 more where a level heeds working hours)."""
    schedules = list(Schedule.objects.filter(is_active=True).select_related("team").order_by("pk"))
    answering: dict[int, list[int]] = defaultdict(list)
    for schedule in schedules:
        if schedule.answers_for_team:
            answering[schedule.team_id].append(schedule.pk)
    named = {target.schedule for level in levels for target in level.targets if target.schedule}
    wanted = {pk for team in teams for pk in answering[team]} | named
    members: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for team, person, rank in Membership.objects.order_by("pk").values_list("team", "user", "rank"):
        members[team].append((person, rank))
    usable = ContactMethod.objects.filter(verified_at__isnull=False, disabled_at=None, user__is_active=True)
    leave: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for person, start, end in Leave.objects.filter(start__lt=at + ahead, end__gt=at).values_list(
        "person", "start", "end"
    ):
        leave[person].append((start, end))
    people = dict(User.objects.filter(is_active=True).values_list("pk", "time_zone"))
    zones = {schedule.pk: (schedule.team_id, schedule.time_zone) for schedule in schedules}
    heeds_hours = any(level.hours for level in levels)
    person_hours, schedule_hours = worktime.of_everybody(people, zones) if heeds_hours else ({}, {})
    return Rows(
        rosters=rosters.load(wanted, since=at),
        answering=answering,
        members=members,
        active=people.keys(),
        verified=frozenset(usable.values_list("user", flat=True)),
        leave=leave,
        person_hours=person_hours,
        schedule_hours=schedule_hours,
    )


def _fallbacks(services: Iterable[Service]) -> dict[int, tuple[User, ...]]:
    """Whom the engine falls back to: the team's contact, the organisation's, else all administrators (4 queries)."""
    organisation = Organisation.objects.select_related("fallback").first()
    teams = {service.team_id: service.team for service in services}
    named = User.objects.in_bulk({team.fallback_id for team in teams.values() if team.fallback_id})
    administrators = list(User.objects.filter(access=Access.ADMINISTRATOR, is_active=True).order_by("name", "pk"))
    last = organisation.fallback if organisation else None
    ids = {*named, *(person.pk for person in administrators), *([last.pk] if last else [])}
    reachable = usable_methods(sorted(ids))

    def of(team: Team) -> tuple[User, ...]:
        for person in (named.get(team.fallback_id or 0), last):
            if person and person.is_active and person.pk in reachable:
                return (person,)
        return tuple(person for person in administrators if person.pk in reachable)

    return {pk: of(team) for pk, team in teams.items()}
