"""The prospect of each severity: who would be told or paged when, in words, and who stands behind each level now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from incidents.models import Access, Incident, Organisation, Service, Severity, User
from oncall import policies
from oncall.models import Act, Channel, EscalationLevel, EscalationPolicy
from oncall.plans import NEVER_INTERRUPTS
from oncall.reach import Reach, Target, usable_methods
from oncall.wording import Way, names_in, say_condition, say_options, say_span, say_targets, way

TIMES = {1: "once more", 2: "twice more"}


@dataclass(frozen=True)
class Behind:
    """A person behind a level now, why it is they, and by which ways it would reach them (none: it would not)."""

    person: User
    reason: str
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Rung:
    """One level in words. ``people`` None = no service was chosen, so nobody was looked up."""

    level: int
    after: timedelta
    asks: bool  # pages, as opposed to informs
    whom: str
    condition: str
    notes: tuple[str, ...]
    people: tuple[Behind, ...] | None
    then: str = ""  # what follows where the level asks and reaches nobody now

    @property
    def offset(self) -> str:
        """How long after the start: 5:00, “1 h 30 min”."""
        seconds = int(self.after.total_seconds())
        return f"{seconds // 60}:{seconds % 60:02}" if seconds < 3600 else say_span(self.after)

    @property
    def is_hole(self) -> bool:
        """A level that asks reaches nobody now."""
        return self.asks and self.people is not None and not any(one.ways for one in self.people)


@dataclass(frozen=True)
class Ladder:
    """What happens to an incident of one severity (None = nobody named one)."""

    severity: Severity | None
    policy: EscalationPolicy | None
    is_own: bool  # the service's own, not the general one
    ways: tuple[Way, ...]
    calls: str
    afterwards: str
    rungs: tuple[Rung, ...]


@dataclass(frozen=True)
class Fallback:
    """The last resort: the contact who is named, and whether a page would reach them."""

    person: User | None
    whose: str
    is_reachable: bool
    administrators: tuple[User, ...]  # who is paged instead when nobody is named or reachable


class Prospect:
    """Every severity's ladder at one instant; for one service, with the people (at most 22 queries)."""

    def __init__(self, service: Service | None, at: datetime) -> None:
        """``service`` None = the general ladders, without people."""
        self.service = service
        self._policies = policies.active()
        self._severities = list(Severity.objects.order_by("level"))
        targets = [target for policy in self._policies for level in policy.levels.all() for target in as_targets(level)]
        self._names = names_in(targets)
        self._reach = Reach([Incident(pk=0, service=service)], targets, at) if service else None

    def ladders(self) -> list[Ladder]:
        """One ladder for each severity, then the one for incidents whose severity nobody named."""
        return [self._ladder(severity) for severity in [*self._severities, None]]

    def services_with_a_policy(self) -> list[Service]:
        """The services with a policy of their own, by name (1 query)."""
        ids = {policy.service_id for policy in self._policies if policy.service_id}
        return list(Service.objects.filter(pk__in=ids).order_by("name", "pk"))

    def _supposed(self, severity: Severity | None) -> Incident:
        """An incident that is not there, as far as the choice of policy and people looks at it."""
        incident = Incident(pk=0, severity=severity, severity_assumed=severity is None)
        if self.service:
            incident.service = self.service
        return incident

    def _ladder(self, severity: Severity | None) -> Ladder:
        policy = policies.choose(self._policies, self._supposed(severity))
        levels = sorted(policy.levels.all(), key=lambda row: (row.after, row.position)) if policy else []
        rungs = [self._rung(number, level, levels, severity) for number, level in enumerate(levels, start=1)]
        return Ladder(
            severity=severity,
            policy=policy,
            is_own=bool(policy and policy.service_id),
            ways=tuple(way(channel) for channel in severity.channels) if severity else (),
            calls=_say_calls(severity),
            afterwards=_say_afterwards(policy),
            rungs=tuple(_with_what_follows(rungs, policy)),
        )

    def _rung(
        self, number: int, level: EscalationLevel, levels: Sequence[EscalationLevel], severity: Severity | None
    ) -> Rung:
        return Rung(
            level=number,
            after=level.after,
            asks=level.act == Act.PAGE,
            whom=say_targets(as_targets(level), self._names),
            condition=say_condition(level.condition),
            notes=tuple(_notes(level)),
            people=self._behind(self._reach, level, levels, severity) if self._reach else None,
        )

    def _behind(
        self, reach: Reach, level: EscalationLevel, levels: Sequence[EscalationLevel], severity: Severity | None
    ) -> tuple[Behind, ...]:
        """Who stands behind the level; like the engine, it informs nobody whom the same instant pages."""
        supposed = self._supposed(severity)
        people = reach.people(supposed, as_targets(level), level.hours)
        if level.act == Act.INFORM:
            together = [one for one in levels if one.after == level.after and one.act == Act.PAGE]
            asked = [row.person for one in together for row in reach.people(supposed, as_targets(one), one.hours)]
            people = [row for row in people if row.person not in asked or not reach.methods(row.person)]
        return tuple(Behind(row.person, row.reason, _ways(reach, row.person, severity, level.act)) for row in people)


def as_targets(level: EscalationLevel) -> list[Target]:
    """The level's targets as a run would keep them."""
    return [policies.as_json(target) for target in sorted(level.targets.all(), key=lambda row: row.pk)]


def fallback(service: Service | None) -> Fallback:
    """The contact who is paged when nobody else can be (4 queries at most); ``service`` with ``team__fallback``."""
    organisation = Organisation.objects.select_related("fallback").first()
    named = organisation.fallback if organisation else None
    whose = "the organisation"
    if service and service.team.fallback:
        named, whose = service.team.fallback, str(service.team)
    administrators = list(User.objects.filter(access=Access.ADMINISTRATOR, is_active=True).order_by("name", "pk"))
    methods = usable_methods([person.pk for person in [*administrators, *([named] if named else [])]])
    return Fallback(
        person=named,
        whose=whose,
        is_reachable=bool(named and named.is_active and methods.get(named.pk)),
        administrators=tuple(person for person in administrators if person.pk in methods),
    )


def _ways(reach: Reach, person: User, severity: Severity | None, act: str) -> tuple[Way, ...]:
    """The ways that a page of this severity would take: the severity's, else the person's first."""
    own = list(dict.fromkeys(row.channel for row in reach.methods(person)))
    wanted = [*(severity.channels if severity else own), Channel.SANDBOX]
    if act == Act.INFORM:
        wanted = [channel for channel in wanted if channel not in NEVER_INTERRUPTS]
    return tuple(way(channel) for channel in [one for one in wanted if one in own] or own[:1])


def _with_what_follows(rungs: Sequence[Rung], policy: EscalationPolicy | None) -> list[Rung]:
    """Say at each level that asks what the engine turns to when it reaches nobody."""
    last = "then the fallback contact" if policy and policy.falls_back else "nobody else follows"
    asking = [rung.level for rung in rungs if rung.asks]
    return [
        replace(rung, then="the next level follows in the same second" if rung.level < max(asking) else last)
        if rung.asks
        else rung
        for rung in rungs
    ]


def _say_calls(severity: Severity | None) -> str:
    if severity and severity.repeat_call_every and Channel.VOICE in severity.channels:
        return f"calls again every {say_span(severity.repeat_call_every)} until answered"
    return ""


def _say_afterwards(policy: EscalationPolicy | None) -> str:
    """What happens when the last level has passed without an answer."""
    if policy is None:
        return "No ladder: the fallback contact is paged at once."
    if not policy.falls_back:
        return "Nobody else is paged automatically."
    wait = say_span(policy.repeat_after)
    if policy.repeat:
        again = TIMES.get(policy.repeat, f"{policy.repeat} times more")
        return f"Nobody answers: {wait} later from the top, {again}, then the fallback contact."
    return f"Nobody answers: {wait} later the fallback contact."


def _notes(level: EscalationLevel) -> list[str]:
    notes = say_options(level)
    if level.business_hours:
        notes.append("counted in the team’s working hours")
    if level.task_title:
        notes.append(f"makes a task for the Communications Lead: {level.task_title}")
    if level.proposes_id is not None:
        notes.append(f"proposes P{level.proposes_id}; a person accepts it")
    return notes
