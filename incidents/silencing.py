"""Silences: alerts of a service that fit stay quiet until an end. They are stored, and page when it comes."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from incidents import conditions, due, quieting, visibility
from incidents.models import Alert, Service, Silence, User
from incidents.refusals import Invalid, NotAllowed, TransitionError

LONGEST = timedelta(days=7)
SHOWN = 50  # alerts on which a silence is tried


@transaction.atomic
def silence(
    *,
    service: Service,
    reason: str,
    end: datetime,
    by: User,
    at: datetime,
    conditions_text: str = "",
    start: datetime | None = None,
) -> Silence:
    """Hold back what opens between ``start`` (now) and ``end``; incidents that are open go on.

    Raises:
        Invalid: no reason, conditions that cannot be read, times that cannot be right.
        NotAllowed: the person works for another team.
    """
    _require_member(by, service)
    start = max(start or at, at)
    if not reason.strip():
        raise Invalid("reason", "Say why, for whoever wonders at night.")
    if len(reason.strip()) > 200:
        raise Invalid("reason", "Keep it to 200 characters.")
    if not start < end <= start + LONGEST:
        raise Invalid("end", "The end lies ahead, within seven days.")
    row = Silence(service=service, reason=reason.strip(), start=start, end=end, by=by, created_at=at)
    row.conditions = written(conditions_text)
    row.save(force_insert=True)
    return row


@transaction.atomic
def end(row: Silence, *, by: User, at: datetime) -> str:
    """End a silence now, or call it off; what it held back pages with the next tick.

    Raises:
        NotAllowed: the person works for another team.
        TransitionError: it is over already.
    """
    locked = Silence.objects.select_for_update(no_key=True, of=("self",)).select_related("service").get(pk=row.pk)
    _require_member(by, locked.service)
    came = quieting.finish(locked, at)
    if not came:
        raise TransitionError("This silence is over already.")
    locked.save(update_fields=["end", "cancelled_at"])
    quieting.look_again([locked.service_id], at)
    due.ring_on_commit()
    return came


def written(text: str) -> str:
    """The conditions as they are kept.

    Raises:
        Invalid: they cannot be read.
    """
    try:
        return "\n".join(str(line) for line in conditions.parse(text))
    except conditions.Unreadable as refusal:
        raise Invalid("conditions", str(refusal)) from None


def would_fit(service: Service, text: str, person: User) -> tuple[list[Alert], int]:
    """Of the newest alerts of the service those that fit, and how many were looked at (1 query).

    Raises:
        Invalid: the conditions cannot be read.
    """
    lines = conditions.parse(written(text))
    rows = list(newest(service, person)[:SHOWN])
    return [row for row in rows if conditions.all_fit(lines, row.said)], len(rows)


def newest(service: Service, person: User) -> QuerySet[Alert]:
    """The service's alerts that the person may read about, those that fire first."""
    rows = visibility.alerts_for(person).filter(service=service).select_related("integration", "service", "incident")
    return rows.order_by("status", "-pk")  # “open” comes before “resolved”


def may_silence(person: User, service: Service) -> bool:
    """Tell whether the person works for the service."""
    works = person.is_administrator or person.memberships.filter(team_id=service.team_id).exists()
    return person.may_declare and works


def _require_member(by: User, service: Service) -> None:
    if not may_silence(by, service):
        raise NotAllowed(f"Only members of {service.team} and administrators may silence {service}.")
