"""What a heartbeat is waited for: how often, with how much grace, and whether it is muted."""

from datetime import datetime, timedelta

from django.db import transaction

from incidents import due, visibility
from incidents.models import Heartbeat, Integration, IntegrationKind, User
from incidents.refusals import Invalid, NotAllowed

SHORTEST, LONGEST = timedelta(seconds=10), timedelta(days=366)


@transaction.atomic
def configure(
    integration: Integration, *, period: timedelta, grace: timedelta, muted: bool, by: User, at: datetime
) -> Heartbeat:
    """Set what is waited for; the time counts from the last sign, or from now where that would be over already.

    Raises:
        Invalid: it is no heartbeat, or a span that cannot be right.
        NotAllowed: the person does not manage the owning team.
    """
    if integration.kind != IntegrationKind.HEARTBEAT:
        raise Invalid("integration", f"{integration.name} is no heartbeat.")
    if not may_configure(by, integration):
        raise NotAllowed("Only a manager of the owning team or an administrator may change a heartbeat.")
    if not SHORTEST <= period <= LONGEST:
        raise Invalid("period", "Choose a period of 10 seconds to a year.")
    if not timedelta(0) <= grace <= LONGEST:
        raise Invalid("grace", "Choose a grace of up to a year.")
    Heartbeat.objects.get_or_create(integration=integration)
    row = Heartbeat.objects.select_for_update(no_key=True).get(integration=integration)
    row.period, row.grace, row.muted = period, grace, muted
    row.due_at = _due(row, at)
    if muted:
        row.missed_at = None
    row.save(update_fields=["period", "grace", "muted", "due_at", "missed_at"])
    due.ring_on_commit()
    return row


def may_configure(person: User, integration: Integration) -> bool:
    """Tell whether the person looks after it."""
    return visibility.manages(person, integration.service.team_id)


def _due(row: Heartbeat, at: datetime) -> datetime | None:
    if row.muted or row.missed_at or row.heard_at is None:
        return None
    return max(row.heard_at + row.period + row.grace, at + row.grace)
