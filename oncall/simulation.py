"""Who would be told, when and by what: the engine itself climbs an incident that never was, and all is rolled back.

There is no second implementation. The incident is written, its run begins, each due time is taken in turn through the
functions of the tick, and at the end the transaction is undone, so that nobody outside ever sees a row of it.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from incidents import mustering
from incidents.models import EntryKind, Incident, Service, Severity, TimelineEntry, User
from oncall import climbing, escalation, paging, plans, replies, timeouts
from oncall.models import Act, Delivery, DeliveryState, Escalation, EscalationStep, Page, RunState
from oncall.wording import say_condition

ANSWERS_AFTER = timedelta(minutes=1)  # of a page, who is not silent
NOW_FOR, WAITS_FOR = timedelta(hours=2), timedelta(days=4)  # how far it looks, by what the severity is
CALLS_FOR = timedelta(minutes=20)  # repeated calls are played so long; in truth they go on until somebody answers
TICK = timedelta(microseconds=1)  # a step fires when now is past its time
MOST = 500  # instants
NUMBERS = 2_000_000_000  # of incidents that never were; real ones do not get there
ASSUMED = 2  # the level of an incident whose severity nobody named
GONE = (DeliveryState.CANCELLED, DeliveryState.BUNDLED)
TOLD = (EntryKind.ESCALATION, EntryKind.TASK, EntryKind.SEVERITY, EntryKind.UNACKNOWLEDGED, EntryKind.ACKNOWLEDGED)


@dataclass(frozen=True)
class Told:
    """Somebody is told something: so long after the start, by these channels, and why it is they."""

    after: timedelta
    person: User
    act: str
    channels: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Line:
    """What the timeline would say."""

    after: timedelta
    text: str
    alarm: bool


@dataclass
class Simulation:
    """What would happen, in the order of time."""

    at: datetime
    until: datetime
    told: list[Told] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def simulate(
    service: Service, *, severity: Severity | None, at: datetime, silent: Collection[int] | None = None
) -> Simulation:
    """Climb the ladder of an incident that opens ``at`` (UTC). ``severity`` None = nobody named one.

    ``silent`` None = nobody ever answers; else these people do not, and everybody else answers a minute after a page.
    """
    with transaction.atomic():
        try:
            return _Rehearsal(service, severity, at, silent).run()
        finally:
            transaction.set_rollback(True)


class _Rehearsal:
    """One incident that never was, inside a transaction that will be undone."""

    def __init__(
        self, service: Service, severity: Severity | None, at: datetime, silent: Collection[int] | None
    ) -> None:
        self.at, self.silent = at, silent
        self.incident = _suppose(service, severity, at)
        span = NOW_FOR if self.incident.severity_id <= plans.LAST_NOW else WAITS_FOR
        self.until = at + span
        escalation.begin(self.incident)

    def run(self) -> Simulation:
        """Take each due instant in turn until nothing is left to come."""
        for _ in range(MOST):
            moment = self._next()
            if moment is None or moment > self.until:
                break
            self._sent(moment)
            self._answer(moment)
            while self._tick(moment + TICK):
                pass
            self._sent(moment + TICK)
        else:
            self.until = moment or self.until
        self._sent(self.until)
        return Simulation(self.at, self.until, self._told(), self._lines())

    def _next(self) -> datetime | None:
        """The next instant at which something is due."""
        mine = Escalation.objects.filter(incident=self.incident)
        times = [*mine.filter(state=RunState.ACTIVE).values_list("due_at", flat=True)]
        times += mine.exclude(state=RunState.ENDED).values_list("check_at", flat=True)
        climbs = any(times)
        times += self._hands()
        waiting = Page.objects.filter(incident=self.incident, ended_at=None)
        soon = waiting.filter(repeat_at__lte=self.at + CALLS_FOR)
        calls = [*soon.values_list("repeat_at", flat=True)] if climbs else []
        answers = [page.created_at + ANSWERS_AFTER for page in self._answering()]
        return min((time for time in [*times, *calls, *answers] if time), default=None)

    def _tick(self, at: datetime) -> int:
        """One round of the tick, for this incident alone."""
        ids = [self.incident.pk]
        due = climbing.fire(ids, at) if climbing.due_runs(at).filter(incident__in=ids).exists() else 0
        due += timeouts.check(ids, at)
        soon = paging.repeating(at).filter(incident__in=ids, repeat_at__lte=self.at + CALLS_FOR)
        calls = list(soon.values_list("pk", flat=True))
        due += paging.repeat(calls, at) if calls else 0
        return due + mustering.call_set(ids, at)

    def _hands(self) -> list[datetime]:
        """When all hands are called by themselves, unless they have been."""
        incident = Incident.objects.select_related("severity").get(pk=self.incident.pk)
        comes = mustering.comes_at(incident)
        return [comes] if comes and mustering.present(incident) is None else []

    def _answering(self) -> list[Page]:
        """Pages whose person will answer and has not."""
        if self.silent is None:
            return []
        asked = Page.objects.filter(incident=self.incident, act=Act.PAGE, acknowledged_at=None, ended_at=None)
        return list(asked.exclude(person__in=self.silent).select_related("person").order_by("created_at", "pk"))

    def _answer(self, moment: datetime) -> None:
        """Let those answer who are not silent; they are at work from then on, so that nobody asks them again."""
        for page in self._answering():
            if page.created_at + ANSWERS_AFTER <= moment:
                replies.take(page, at=moment, via="in the simulation")
                Page.objects.filter(pk=page.pk, acknowledged_at=None).update(acknowledged_at=moment)
                Escalation.objects.filter(incident=self.incident).update(check_at=None)

    def _sent(self, moment: datetime) -> None:
        """What is due has gone out, as if every provider worked."""
        waiting = Delivery.objects.filter(page__incident=self.incident, state=DeliveryState.PENDING)
        waiting.filter(not_before__lte=moment).update(state=DeliveryState.ACCEPTED)

    def _told(self) -> list[Told]:
        rows = Delivery.objects.filter(page__incident=self.incident, state=DeliveryState.ACCEPTED)
        conditions = {
            (step.loop, step.level): say_condition(step.condition)
            for step in EscalationStep.objects.filter(run__incident=self.incident)
        }
        together: dict[tuple[datetime, int, bool], list[Delivery]] = {}
        for row in rows.select_related("page__person", "person").order_by("not_before", "pk"):
            again = ":r" in row.dedupe_key
            together.setdefault((row.not_before, row.page_id or 0, again), []).append(row)
        return [self._one(rows, again, conditions) for (_, _, again), rows in together.items()]

    def _one(self, rows: list[Delivery], again: bool, conditions: dict[tuple[int, int], str]) -> Told:
        page = rows[0].page
        if page is None:
            raise ValueError("a delivery of a simulation carries a page")
        why = [page.reason[:1].upper() + page.reason[1:]]
        condition = "" if page.is_reminder else conditions.get((page.loop, page.level), "")
        why += [condition] if condition else []
        why += [f"round {page.loop + 1}"] if page.loop else []
        why += ["called again, no answer yet"] if again else []
        after = timedelta(seconds=int((rows[0].not_before - self.at).total_seconds()))
        return Told(after, page.person, page.act, tuple(dict.fromkeys(row.channel for row in rows)), "; ".join(why))

    def _lines(self) -> list[Line]:
        rows = TimelineEntry.objects.filter(incident=self.incident, kind__in=TOLD).order_by("seq")
        return [
            Line(
                timedelta(seconds=int((row.occurred_at - self.at).total_seconds())),
                row.text,
                alarm=bool(row.data.get("alarm")),
            )
            for row in rows
        ]


def _suppose(service: Service, severity: Severity | None, at: datetime) -> Incident:
    """Write the incident, with a number that no real one has, so that the real ones stay without gaps."""
    level = severity or Severity.objects.get(level=ASSUMED)
    incident = Incident(
        number=NUMBERS + secrets.randbelow(100_000_000),
        title="Simulation",
        severity=level,
        peak_severity=level,
        severity_assumed=severity is None,
        contract_started_at=at,
        service=service,
        detected_at=at,
        declared_at=at,
    )
    incident.refresh_urgency()
    incident.save(force_insert=True)
    return incident
