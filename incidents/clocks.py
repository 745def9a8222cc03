"""The severity contract as clocks: start, meet, waive, supersede. ``incidents.breaches`` tells when one ran out.

Whoever calls holds the incident's lock.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from incidents.business_hours import BusinessHours
from incidents.models import (
    Clock,
    DeadlineRule,
    Holiday,
    Incident,
    Notice,
    Participant,
    PostmortemRule,
    Role,
    RoleHolder,
    Rule,
    Severity,
    Team,
)
from incidents.states import ClockState, Kind

AFTER_RESOLUTION = (Rule.POSTMORTEM,)  # owed by a resolved incident, so no change of level while it is open ends it


def business_hours_of(team: Team) -> BusinessHours:
    """The team's working time, with its holidays (1 query)."""
    return hours_of(team, Holiday.objects.filter(team=team).values_list("date", flat=True))


def hours_of(team: Team, holidays: Iterable[date]) -> BusinessHours:
    """The same for holidays that were read already."""
    return BusinessHours(
        zone=ZoneInfo(team.time_zone),
        start=team.business_start,
        end=team.business_end,
        days=frozenset(int(digit) for digit in team.business_days),
        holidays=frozenset(holidays),
    )


def ack_deadline(incident: Incident, at: datetime) -> datetime | None:
    """When a person must have acknowledged, under the present level, counted from ``at`` (C-4 to C-7)."""
    severity: Severity = incident.severity
    return _deadline(incident, severity.ack_rule, severity.ack_deadline, at)


def respond_deadline(incident: Incident, at: datetime) -> datetime | None:
    """When a responder must have joined, counted from ``at``; a level handled within the week has none (C-4, C-6)."""
    severity: Severity = incident.severity
    if severity.respond_rule == DeadlineRule.BUSINESS_WEEK:
        return None
    return _deadline(incident, severity.respond_rule, severity.respond_by, at)


def resolve_target(incident: Incident) -> datetime | None:
    """When the present level wants the incident handled by; P3: end of the working week (C-6)."""
    if incident.severity.respond_rule == DeadlineRule.BUSINESS_WEEK:
        return business_hours_of(incident.service.team).end_of_week(incident.contract_started_at)
    return None


def _deadline(incident: Incident, rule: str, span: timedelta | None, at: datetime) -> datetime | None:
    if rule == DeadlineRule.SPAN and span is not None:
        return at + incident.scaled(span)
    if rule == DeadlineRule.BUSINESS_DAY:
        return business_hours_of(incident.service.team).end_of_day(at)
    if rule == DeadlineRule.BUSINESS_WEEK:
        return business_hours_of(incident.service.team).end_of_week(at)
    return None


def cadence(incident: Incident) -> timedelta | None:
    """The longest time between two updates, unscaled: the commander's own, at P0 never above the level's (C-14)."""
    level: timedelta | None = incident.severity.update_every
    own: timedelta | None = incident.update_every
    if own is None or level is None:
        return own or level
    return min(own, level) if incident.severity.level == 0 else own


def start_contract(incident: Incident) -> None:
    """Start the clocks of the present level, counted from ``contract_started_at`` (C-20)."""
    if incident.kind == Kind.BACKFILL:
        return
    began = incident.contract_started_at
    if not incident.acknowledged and (deadline := ack_deadline(incident, began)):
        _start(incident, Rule.ACKNOWLEDGE, began, deadline)
    if not _is_staffed(incident) and (deadline := respond_deadline(incident, began)):
        _start(incident, Rule.RESPOND, began, deadline)
    if (by_then := incident.severity.commander_by) is not None:
        _start(incident, Rule.COMMANDER, began, incident.due(by_then))
        if RoleHolder.objects.filter(incident=incident, role=Role.COMMANDER, until=None).exists():
            meet(incident, Rule.COMMANDER, began)
    if (every := cadence(incident)) is not None:
        _start(incident, Rule.UPDATE, began, began + incident.scaled(every))
    if incident.mitigated_at is None and incident.severity.mitigate_by is not None:
        _start(incident, Rule.MITIGATE, began, incident.due(incident.severity.mitigate_by))
    if target := resolve_target(incident):
        _start(incident, Rule.RESOLVE, began, target)


def restart_contract(incident: Incident, *, at: datetime, why: str, lowered: bool = False) -> None:
    """Close what runs under the old level and start the clocks of the new one (R-27).

    A raised level supersedes the old one's duties, a lowered one waives them (C-19); no row is ever deleted.
    """
    state = ClockState.WAIVED if lowered else ClockState.SUPERSEDED
    running = Clock.objects.filter(incident=incident, state=ClockState.RUNNING).exclude(rule__in=AFTER_RESOLUTION)
    running.update(state=state, ended_at=at, why=why)
    start_contract(incident)


def start_postmortem(incident: Incident, resolved_at: datetime) -> None:
    """Start the postmortem's clock where the level asks for or recommends one (R-75)."""
    if incident.kind == Kind.BACKFILL or incident.severity.postmortem_rule == PostmortemRule.OPTIONAL:
        return
    span = incident.scaled(incident.severity.postmortem_due)
    _start(incident, Rule.POSTMORTEM, resolved_at, resolved_at + span)


def judge_postmortem_anew(incident: Incident, *, at: datetime, why: str) -> None:
    """Let the postmortem of a resolved incident follow its changed level; the deadline counts from the resolution."""
    waive(incident, Rule.POSTMORTEM, at=at, why=why)
    if incident.resolved_at and not _has_ended_well(incident, Rule.POSTMORTEM):
        start_postmortem(incident, incident.resolved_at)


def meet(incident: Incident, rule: Rule, met_at: datetime) -> Clock | None:
    """Judge the clock by the time at which the duty was done; at the very deadline is met (C-20).

    A breached clock is judged again when the duty turns out to have been done in time.
    """
    clock = (
        Clock.objects.filter(
            incident=incident, rule=rule, state__in=[ClockState.RUNNING, ClockState.BREACHED], met_at=None
        )
        .order_by("-started_at", "-pk")
        .first()
    )
    if clock is None:
        return None
    if clock.state == ClockState.BREACHED:
        Notice.objects.filter(dedupe_key__startswith=key_of(clock), dispatched_at=None).delete()
    clock.met_at = met_at
    clock.state = ClockState.MET if met_at <= clock.due_at else ClockState.BREACHED
    clock.save(update_fields=["met_at", "state"])
    return clock


def updated(incident: Incident, when: datetime) -> None:
    """An update went out: the next one is promised from there (R-18). One dated behind the last changes nothing."""
    waiting = Clock.objects.filter(incident=incident, rule=Rule.UPDATE, met_at=None, started_at__gt=when)
    every = cadence(incident)
    if waiting.exists() or not incident.is_open or incident.kind == Kind.BACKFILL:
        return
    meet(incident, Rule.UPDATE, when)
    if every is not None:
        _start(incident, Rule.UPDATE, when, when + incident.scaled(every))


def follow_cadence(incident: Incident, *, at: datetime, why: str) -> None:
    """Let the running promise of an update follow a changed cadence; one that would be past counts from now."""
    running = Clock.objects.filter(incident=incident, rule=Rule.UPDATE, state=ClockState.RUNNING).first()
    Clock.objects.filter(incident=incident, rule=Rule.UPDATE, state=ClockState.RUNNING).update(
        state=ClockState.SUPERSEDED, ended_at=at, why=why
    )
    every = cadence(incident)
    if every is None or incident.kind == Kind.BACKFILL:
        return
    began = running.started_at if running and running.started_at + incident.scaled(every) > at else at
    _start(incident, Rule.UPDATE, began, began + incident.scaled(every))


def waive(incident: Incident, *rules: Rule, at: datetime, why: str) -> None:
    """Close running clocks whose duty fell away; without ``rules``, all of them. They stay on record."""
    running = Clock.objects.filter(incident=incident, state=ClockState.RUNNING)
    if rules:
        running = running.filter(rule__in=rules)
    running.update(state=ClockState.WAIVED, ended_at=at, why=why)


def of(incident: Incident) -> list[Clock]:
    """Every clock that the incident ever had, in the order in which they were started."""
    return list(Clock.objects.filter(incident=incident).select_related("severity").order_by("started_at", "pk"))


def key_of(clock: Clock) -> str:
    """What the keys of the notices of a clock's breach begin with."""
    return f"clock:{clock.pk}:"


def running_out(at: datetime) -> QuerySet[Clock]:
    """Clocks that ran out and are not breached yet."""
    return Clock.objects.filter(state=ClockState.RUNNING, due_at__lt=at)


def _is_staffed(incident: Incident) -> bool:
    """Somebody works on it: has joined, or took it in hand at the page."""
    done = Clock.objects.filter(incident=incident, rule=Rule.RESPOND, met_at__isnull=False)
    if incident.acknowledged and done.exists():
        return True
    return Participant.objects.filter(incident=incident, joined_at__isnull=False).exists()


def _has_ended_well(incident: Incident, rule: Rule) -> bool:
    return Clock.objects.filter(incident=incident, rule=rule, met_at__isnull=False).exists()


def _start(incident: Incident, rule: Rule, began: datetime, due_at: datetime) -> None:
    Clock.objects.create(incident=incident, rule=rule, severity=incident.severity, started_at=began, due_at=due_at)
