"""By hand: send a failed message again, let a held one go, try at once what rests after a failure."""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from incidents import due, timeline, visibility
from incidents.models import EntryKind, Incident, RawEvent, Setback, User
from incidents.refusals import NotAllowed, TransitionError
from oncall import notices, throttling
from oncall.models import Delivery, DeliveryState, Escalation, RunState


class Resting(StrEnum):
    """Where a failure is noted."""

    SETBACK = "setback"
    RUN = "run"
    EVENT = "event"


def may_retry(delivery: Delivery, by: User) -> bool:
    """Administrators, and managers of the team that owns the incident's service (at most 1 query)."""
    if by.is_administrator:
        return True
    return delivery.page is not None and visibility.manages(by, delivery.page.incident.service.team_id)


@transaction.atomic
def retry(delivery: Delivery, *, by: User, at: datetime) -> Delivery:
    """Send what a failed message said once more, as a delivery of its own to the address as it is now.

    Raises:
        NotAllowed: neither an administrator nor a manager of the team.
        TransitionError: it did not fail, was retried already, or nobody wants it any more.
    """
    incident, row = _locked(delivery, by)
    if row.state != DeliveryState.FAILED:
        raise TransitionError(f"This message is {row.get_state_display().lower()}: there is nothing to repeat.")
    if row.retries.exists():
        raise TransitionError("This message was sent again already: look at that one.")
    _require_wanted(row)
    patience = (
        row.expires_at - row.created_at if row.page is None else row.page.incident.severity.delivery_expires_after
    )
    fresh = Delivery.objects.create(
        page=row.page,
        notice=row.notice,
        person=row.person,
        method=row.method,
        channel=row.channel,
        address=row.method.address if row.method else row.address,
        dedupe_key=f"retry:{row.pk}",
        priority=min(row.priority, throttling.FIRST),
        created_at=at,
        not_before=at,
        expires_at=at + min(patience, notices.EXPIRES_AFTER),
        retry_of=row,
        asked_by=by,
    )
    _tell(incident, f"{row.get_channel_display()} to {row.person} is sent again by hand.", by, at)
    due.ring_on_commit()
    return fresh


@transaction.atomic
def send_now(delivery: Delivery, *, by: User, at: datetime) -> Delivery:
    """Let a message go that waits: quiet hours and throttles do not hold it any more.

    Raises:
        NotAllowed: neither an administrator nor a manager of the team.
        TransitionError: it does not wait, or nobody wants it any more.
    """
    incident, row = _locked(delivery, by)
    if row.state != DeliveryState.PENDING or row.not_before <= at:
        raise TransitionError(f"This message is not held: it is {row.get_state_display().lower()}.")
    _require_wanted(row)
    row.not_before, row.error, row.asked_by = at, "", by
    row.priority = min(row.priority, throttling.FIRST)
    row.save(update_fields=["not_before", "error", "asked_by", "priority"])
    _tell(incident, f"{row.get_channel_display()} to {row.person} waits no longer: sent by hand.", by, at)
    due.ring_on_commit()
    return row


def _locked(delivery: Delivery, by: User) -> tuple[Incident | None, Delivery]:
    """The incident's row first, as everywhere, then the message as it stands now."""
    if not may_retry(delivery, by):
        raise NotAllowed("Only administrators and managers of the team may send messages by hand.")
    incident = None
    if delivery.page is not None:
        incident = Incident.objects.select_for_update(no_key=True).get(pk=delivery.page.incident_id)
    rows = Delivery.objects.select_related("page__incident__severity", "notice", "canary", "probe", "person", "method")
    return incident, rows.select_for_update(of=("self",), no_key=True).get(pk=delivery.pk)


def _require_wanted(row: Delivery) -> None:
    if row.page is None and row.notice is None:
        raise TransitionError("Codes, tests and canaries are not repeated: ask for a new one.")
    if row.person is None or not row.person.is_active:
        raise TransitionError(f"{row.person or 'Its person'} is not active any more and is told nothing.")
    if row.method is None or not row.method.is_usable:
        raise TransitionError(f"{row.person} cannot be reached there any more. Call them yourself.")
    if row.page is not None and (row.page.ended_at or not row.page.incident.is_open):
        raise TransitionError("Nobody wants an answer to this page any more.")


def _tell(incident: Incident | None, text: str, by: User, at: datetime) -> None:
    if incident is not None:
        timeline.write([timeline.Line(incident, EntryKind.DELIVERY, text, by=by)], at=at)
        incident.save(update_fields=["timeline_seq"])


@transaction.atomic
def try_now(kind: Resting, pk: int, *, by: User, at: datetime) -> None:
    """End the rest of a row that failed: the next tick, which is rung for, does it again.

    Raises:
        NotAllowed: not an administrator, and not a manager of the team whose incident it is.
        TransitionError: it does not rest any more.
    """
    found = _rouse(kind, pk, by, at)
    if not found:
        raise TransitionError("It does not rest any more: it was done, or was tried just now.")
    due.ring_on_commit()


def _rouse(kind: Resting, pk: int, by: User, at: datetime) -> bool:
    if kind == Resting.RUN:
        return _rouse_run(pk, by, at)
    if not by.is_administrator:
        raise NotAllowed("Only an administrator may do this.")
    if kind == Resting.EVENT:
        return RawEvent.objects.filter(pk=pk, processed_at=None, attempts__gt=0).update(not_before=at) == 1
    return Setback.objects.filter(pk=pk).update(not_before=at) == 1


def _rouse_run(pk: int, by: User, at: datetime) -> bool:
    """Let an escalation be tried at once, and say on the timeline who asked for it."""
    incident_id = Escalation.objects.filter(pk=pk).values_list("incident", flat=True).first()
    incident = Incident.objects.select_for_update(no_key=True).filter(pk=incident_id or 0).first()
    if incident is None:
        return False
    if not visibility.manages(by, incident.service.team_id):
        raise NotAllowed("Only administrators and managers of the team may do this.")
    run = Escalation.objects.filter(pk=pk, attempts__gt=0).exclude(state=RunState.ENDED)
    if not run.update(not_before=at):
        return False
    text = "The escalation, which had failed, is tried again at once."
    timeline.write([timeline.Line(incident, EntryKind.ESCALATION, text, by=by)], at=at)
    incident.save(update_fields=["timeline_seq"])
    return True
