"""The severity contract as clocks: start, meet, waive, supersede; a due source breaches them."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from incidents import due, timeline
from incidents.business_hours import BusinessHours
from incidents.models import Clock, DeadlineRule, EntryKind, Holiday, Incident, PostmortemRule, Rule, Severity, Team
from incidents.states import ClockState, Kind

BREACHED_TEXT = {
    Rule.ACKNOWLEDGE: "Nobody acknowledged in time.",
    Rule.MITIGATE: "Not mitigated in time.",
    Rule.POSTMORTEM: "The postmortem is overdue.",
}


def business_hours_of(team: Team) -> BusinessHours:
    """The team's working time, with its holidays."""
    return BusinessHours(
        zone=ZoneInfo(team.time_zone),
        start=team.business_start,
        end=team.business_end,
        days=frozenset(int(digit) for digit in team.business_days),
        holidays=frozenset(Holiday.objects.filter(team=team).values_list("date", flat=True)),
    )


def ack_deadline(incident: Incident, at: datetime) -> datetime | None:
    """When a person must have acknowledged, under the present level, counted from ``at`` (C-4 to C-7)."""
    severity: Severity = incident.severity
    if severity.ack_rule == DeadlineRule.SPAN and severity.ack_deadline is not None:
        return at + incident.scaled(severity.ack_deadline)
    if severity.ack_rule == DeadlineRule.BUSINESS_DAY:
        return business_hours_of(incident.service.team).end_of_day(at)
    if severity.ack_rule == DeadlineRule.BUSINESS_WEEK:
        return business_hours_of(incident.service.team).end_of_week(at)
    return None


def resolve_target(incident: Incident) -> datetime | None:
    """When the present level wants the incident handled by; P3: end of the working week (C-6)."""
    if incident.severity.respond_rule == DeadlineRule.BUSINESS_WEEK:
        return business_hours_of(incident.service.team).end_of_week(incident.contract_started_at)
    return None


def start_contract(incident: Incident) -> None:
    """Start the clocks of the present level, counted from ``contract_started_at`` (C-20)."""
    if incident.kind == Kind.BACKFILL:
        return
    began = incident.contract_started_at
    if not incident.acknowledged and (deadline := ack_deadline(incident, began)):
        _start(incident, Rule.ACKNOWLEDGE, began, deadline)
    if incident.mitigated_at is None and incident.severity.mitigate_by is not None:
        _start(incident, Rule.MITIGATE, began, incident.due(incident.severity.mitigate_by))


def restart_contract(incident: Incident) -> None:
    """Close what runs under the old level as superseded and start the clocks of the new one (R-27)."""
    Clock.objects.filter(incident=incident, state=ClockState.RUNNING).exclude(rule=Rule.POSTMORTEM).update(
        state=ClockState.SUPERSEDED
    )
    start_contract(incident)


def start_postmortem(incident: Incident, resolved_at: datetime) -> None:
    """Start the postmortem's clock where the level asks for or recommends one (R-75)."""
    if incident.kind == Kind.BACKFILL or incident.severity.postmortem_rule == PostmortemRule.OPTIONAL:
        return
    span = incident.scaled(incident.severity.postmortem_due)
    _start(incident, Rule.POSTMORTEM, resolved_at, resolved_at + span)


def meet(incident: Incident, rule: Rule, met_at: datetime) -> None:
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
        return
    clock.met_at = met_at
    clock.state = ClockState.MET if met_at <= clock.due_at else ClockState.BREACHED
    clock.save(update_fields=["met_at", "state"])


def waive(incident: Incident, rule: Rule) -> None:
    """Close a running clock whose duty fell away; it stays on record."""
    Clock.objects.filter(incident=incident, rule=rule, state=ClockState.RUNNING).update(state=ClockState.WAIVED)


def waive_all(incident: Incident) -> None:
    """Close every running clock of an incident that turned out to be none."""
    Clock.objects.filter(incident=incident, state=ClockState.RUNNING).update(state=ClockState.WAIVED)


def of(incident: Incident) -> list[Clock]:
    """The clocks that count now, in the order in which they were started."""
    return list(
        Clock.objects.filter(incident=incident)
        .exclude(state=ClockState.SUPERSEDED)
        .select_related("severity")
        .order_by("started_at", "pk")
    )


def breach_due(at: datetime) -> due.Done:
    """Breach what ran out: the due source ``clocks``."""
    ids = list(running(at).order_by("due_at", "pk").values_list("pk", flat=True)[: due.BATCH])
    return due.Done(rows=_breach(ids, at=at)) if ids else due.Done()


@transaction.atomic
def _breach(ids: Sequence[int], *, at: datetime) -> int:
    wanted = Clock.objects.filter(pk__in=ids).values("incident")
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=wanted).order_by("pk")
    incidents = {incident.pk: incident for incident in rows}
    clocks = list(running(at).filter(pk__in=ids, incident__in=incidents))
    lines = []
    for clock in clocks:
        clock.state = ClockState.BREACHED
        text = BREACHED_TEXT[Rule(clock.rule)]
        lines.append(timeline.Line(incidents[clock.incident_id], EntryKind.CLOCK, text, data={"rule": clock.rule}))
    timeline.write(lines, at=at)
    Clock.objects.bulk_update(clocks, ["state"])
    Incident.objects.bulk_update(
        {clock.incident_id: incidents[clock.incident_id] for clock in clocks}.values(), ["timeline_seq"]
    )
    return len(clocks)


def running(at: datetime) -> QuerySet[Clock]:
    """Clocks that ran out and are not breached yet."""
    return Clock.objects.filter(state=ClockState.RUNNING, due_at__lt=at)


def _start(incident: Incident, rule: Rule, began: datetime, due_at: datetime) -> None:
    Clock.objects.create(incident=incident, rule=rule, severity=incident.severity, started_at=began, due_at=due_at)
