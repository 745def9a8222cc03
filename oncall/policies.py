"""Establish policies, choose the one that applies to an incident, and copy its levels into a run."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from incidents import clocks
from incidents.models import Incident
from oncall import recheck
from oncall.models import Escalation, EscalationLevel, EscalationPolicy, EscalationStep, EscalationTarget


def choose(policies: Sequence[EscalationPolicy], incident: Incident) -> EscalationPolicy | None:
    """The most specific of (service, severity) wins; where nobody named a severity, those without one (C-1).

    The one that a route has named comes before all, while it is active.
    """
    for policy in policies if incident.policy else ():
        if policy.slug == incident.policy:
            return policy
    severities = {None} if incident.severity_assumed else {None, incident.severity_id}
    fitting = [
        policy
        for policy in policies
        if policy.service_id in {None, incident.service_id} and policy.severity_id in severities
    ]
    return max(
        fitting, key=lambda policy: (policy.service_id is not None, policy.severity_id is not None), default=None
    )


def who_takes_over(left: EscalationPolicy) -> EscalationPolicy | None:
    """The active policy that incidents of the service and severity of one that left its place fall to (3 queries)."""
    places = [(left.service_id, left.severity_id), (left.service_id, None), (None, left.severity_id), (None, None)]
    others = {(policy.service_id, policy.severity_id): policy for policy in active() if policy.pk != left.pk}
    return next((others[place] for place in places if place in others), None)


def active() -> list[EscalationPolicy]:
    """All active policies with levels and targets (3 queries)."""
    policies = EscalationPolicy.objects.filter(is_active=True).prefetch_related("levels__targets")
    return list(policies.order_by("pk"))


def names() -> list[tuple[str, str]]:
    """Slug and name of each active policy, for routes to choose from (1 query)."""
    rows = EscalationPolicy.objects.filter(is_active=True).order_by("name", "pk")
    return list(rows.values_list("slug", "name"))


def steps(run: Escalation, policy: EscalationPolicy, incident: Incident) -> list[EscalationStep]:
    """Copy the policy's levels for the first round, in the order in which they fall due, numbered without gaps."""
    levels = sorted(
        ((due_time(level, incident), level.position, level) for level in policy.levels.all()), key=lambda row: row[:2]
    )
    return [
        EscalationStep(
            run=run,
            loop=0,
            level=number,
            due_at=due_at,
            after=due_at - run.started_at,
            condition=level.condition,
            act=level.act,
            targets=[as_json(target) for target in sorted(level.targets.all(), key=lambda row: row.pk)],
            hours=level.hours,
            everyone=level.everyone,
            round_robin=level.round_robin,
            origin=level,
            task_title=level.task_title,
            proposes_id=level.proposes_id,
        )
        for number, (due_at, _, level) in enumerate(levels, start=1)
    ]


def due_time(level: EscalationLevel, incident: Incident) -> datetime:
    """When the level falls due: from the start of the contract, in working time where the level says so."""
    if level.business_hours:
        hours = clocks.business_hours_of(incident.service.team)
        return hours.after(incident.contract_started_at, incident.scaled(level.after))
    return incident.due(level.after)


def as_json(target: EscalationTarget) -> dict[str, object]:
    """A target as the run keeps it."""
    row: dict[str, object] = {"kind": target.kind}
    if target.schedule_id:
        row["schedule"] = target.schedule_id
    if target.user_id:
        row["user"] = target.user_id
    if target.rank:
        row["rank"] = target.rank
    return row


@transaction.atomic
def establish(
    policy: EscalationPolicy, levels: Sequence[tuple[EscalationLevel, Sequence[EscalationTarget]]]
) -> EscalationPolicy:
    """Save a new policy with its levels in their order and the targets of each, all of them unsaved.

    Raises:
        ValidationError: one of the values cannot be right, or an active policy of that service and severity exists.
    """
    policy.full_clean()
    policy.save(force_insert=True)
    for position, (level, targets) in enumerate(levels, start=1):
        level.policy, level.position = policy, position
        level.full_clean()
        level.save(force_insert=True)
        for target in targets:
            target.level = level
            target.full_clean()
            target.save(force_insert=True)
    recheck.soon()
    return policy


@transaction.atomic
def edit(policy: EscalationPolicy, **fields: object) -> EscalationPolicy:
    """Change a policy's own fields; runs under way keep their copy.

    Raises:
        ValidationError: one of the values cannot be right, or it would stand beside another of its kind.
    """
    locked = EscalationPolicy.objects.select_for_update(no_key=True).get(pk=policy.pk)
    for name, value in fields.items():
        setattr(locked, name, value)
    locked.full_clean()
    locked.save()
    recheck.soon()
    return locked
