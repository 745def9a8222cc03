"""What a person's rules would do: the messages of a page of some severity at some moment, by the engine's plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from incidents import clocks
from incidents.models import Incident, Service, Severity, Team, User
from oncall import plans
from oncall.models import Act, Channel
from oncall.reach import usable_methods
from oncall.wording import Way, enumerate_words, say_span, way


@dataclass(frozen=True)
class Beat:
    """The messages of one moment: after so long, by these ways; ``held`` says why they wait."""

    after: timedelta
    local: datetime
    ways: tuple[Way, ...]
    held: str

    @property
    def words(self) -> str:
        """The ways in a sentence."""
        return enumerate_words([one.word for one in self.ways])

    @property
    def when(self) -> str:
        """“At once”, “After 30 min”."""
        return f"After {say_span(self.after)}" if self.after else "At once"


@dataclass(frozen=True)
class Foreseen:
    """What happens to one person at one moment and severity."""

    severity: Severity
    local: datetime
    beats: tuple[Beat, ...]
    calls: str


def at_night(person: User, at: datetime) -> list[Foreseen]:
    """What a P0 and a P3 would do at the next 3 a.m. of the person's clock (at most 9 queries)."""
    moment = _next_three_in_the_morning(person, at)
    team = Team.objects.filter(memberships__user=person).order_by("memberships__pk").first()
    severities = Severity.objects.filter(level__in=[0, 3]).order_by("level")
    return [_foresee(person, severity, team, moment) for severity in severities]


def _foresee(person: User, severity: Severity, team: Team | None, moment: datetime) -> Foreseen:
    incident = Incident(severity=severity, service=Service(team=team))
    wishes = plans.wishes_of([person.pk]).get(person.pk, plans.NONE)
    methods = usable_methods([person.pk]).get(person.pk, [])
    hours = clocks.business_hours_of(team) if team and severity.level > plans.LAST_NOW else None
    planned = plans.plan(person, wishes, methods, incident, Act.PAGE, moment, hours)
    every = severity.repeat_call_every
    called = any(one.method.channel == Channel.VOICE for one in planned)
    return Foreseen(
        severity=severity,
        local=moment.astimezone(person.zone),
        beats=tuple(_beats(planned, person, moment)),
        calls=f"Calls again every {say_span(every)} until you answer." if every and called else "",
    )


def _beats(planned: Sequence[plans.Planned], person: User, moment: datetime) -> list[Beat]:
    together: dict[datetime, list[plans.Planned]] = {}
    for one in sorted(planned, key=lambda one: one.not_before):
        together.setdefault(one.not_before, []).append(one)
    return [
        Beat(
            after=due_at - moment,
            local=due_at.astimezone(person.zone),
            ways=tuple(way(one.method.channel) for one in ones),
            held=next((one.held for one in ones if one.held), ""),
        )
        for due_at, ones in together.items()
    ]


def _next_three_in_the_morning(person: User, at: datetime) -> datetime:
    """The next 3 a.m. on the person's clock, UTC."""
    local = at.astimezone(person.zone).astimezone(UTC)
    day = local.date() + timedelta(days=1 if local.hour >= 3 else 0)
    return datetime.combine(day, time(3), person.zone).astimezone(UTC)
