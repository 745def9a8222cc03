"""What coverage says of a schedule or a policy that is being changed: the paths through it that reach nobody.

Asked at save and, with the schedule as it would be, before it. The same judgement as the page and the daily check.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from incidents.models import Service
from oncall import holes, rota
from oncall.models import EscalationPolicy, Schedule

SHOWN = 5  # holes that are named; the rest is counted


def of_schedule(schedule: Schedule, *, at: datetime, imagined: rota.Schedule | None = None) -> list[str]:
    """The holes of the next 30 days on the paths that lead through the schedule (at most 21 queries).

    ``imagined`` stands in for the schedule as it is.
    """
    policies = EscalationPolicy.objects.filter(is_active=True, levels__targets__schedule=schedule.pk)
    named = set(policies.values_list("service", flat=True)) if schedule.pk else set()
    services = _active()
    if None not in named:
        services = services.filter(Q(team=schedule.team_id) | Q(pk__in=named))
    return _say(services, at, imagined)


def of_policies(policies: Sequence[EscalationPolicy], *, at: datetime) -> list[str]:
    """The holes on the paths of those services that the policies are for, before or after an edit of one."""
    wanted = {policy.service_id for policy in policies if policy.service_id}
    services = _active()
    return _say(services.filter(pk__in=wanted) if all(policy.service_id for policy in policies) else services, at)


def _active() -> QuerySet[Service]:
    return Service.objects.filter(is_active=True).select_related("team").order_by("team__name", "name", "pk")


def _say(services: QuerySet[Service], at: datetime, imagined: rota.Schedule | None = None) -> list[str]:
    found = holes.report(at, services=services, imagined=imagined).holes()
    lines = [f"Nobody is reached, {hole.words}: {hole.paths}; {hole.reason}. {_then(hole)}" for hole in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"Coverage has {len(found) - SHOWN} more holes in the next 30 days; its page lists them all.")
    return lines


def _then(hole: holes.Hole) -> str:
    caught = ", ".join(str(person) for person in hole.caught_by)
    return f"Only the fallback is told: {caught}." if caught else "Nobody is told at all."
