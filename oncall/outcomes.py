"""What came of a message: taken, failed, not wanted any more, or told of later; and which way is next.

Each is written with its line on the timeline, under the incident's lock; what went out together is written together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from incidents import due, rewriting, timeline
from incidents.models import EntryKind, Incident
from oncall import canary, leasing, paging
from oncall.channels.contract import DeliveryError, Receipt
from oncall.models import (
    Act,
    Attempt,
    ContactMethod,
    Delivery,
    DeliveryState,
    Escalation,
    EscalationStep,
    Page,
    RunState,
    StepState,
)

RETRY_AFTER = timedelta(seconds=15)
TRIES = 4  # the first and three more (O22)


@dataclass(frozen=True)
class Taken:
    """A message that a transport took."""

    delivery: Delivery
    transport: str
    receipt: Receipt

    @property
    def state(self) -> DeliveryState:
        """What its delivery has become."""
        return DeliveryState.DELIVERED if self.receipt.delivered else DeliveryState.ACCEPTED


@transaction.atomic
def succeeded(taken: Sequence[Taken], *, at: datetime) -> int:
    """Record what went out, in a few statements however much it is; returns how many were still ours."""
    incidents = _lock_incidents(one.delivery for one in taken)
    leasing.record([_attempt(one.delivery, one.transport, one.state, one.receipt.detail, at) for one in taken])
    sent_at = due.database_now()
    held = leasing.leased(one.delivery for one in taken).select_for_update(no_key=True).order_by("pk")
    ours = set(held.values_list("pk", flat=True))
    mine = [one for one in taken if one.delivery.pk in ours]
    for state in {one.state for one in mine}:
        Delivery.objects.filter(pk__in=[one.delivery.pk for one in mine if one.state == state]).update(
            state=state, sent_at=sent_at, error="", lease=None, lease_until=None
        )
    _tell_all(incidents, [(one.delivery, f"{_what(one.delivery)}: {one.state.label.lower()}.") for one in mine], at)
    for one in mine:
        canary.arrived(one.delivery, sent_at)
    return len(mine)


@transaction.atomic
def failed(delivery: Delivery, transport: str, error: DeliveryError, *, at: datetime) -> None:
    incident = _lock_incident(delivery)
    _record(delivery, transport, "permanent" if error.permanent else "temporary", str(error), at)
    if not error.permanent and delivery.attempts < TRIES:
        leasing.finish(delivery, state=DeliveryState.PENDING, not_before=at + RETRY_AFTER, error=str(error))
    else:
        _give_up(delivery, incident, state=DeliveryState.FAILED, error=str(error), at=at)


@transaction.atomic
def leave_alone(delivery: Delivery, provider: str, until: datetime, *, at: datetime) -> None:
    """The provider rests: use another way at once, or wait for it where there is none."""
    incident = _lock_incident(delivery)
    why = f"{provider} keeps failing and is left alone until {until:%H:%M:%S} UTC"
    if delivery.page is not None and _other_ways(delivery).exists():
        _give_up(delivery, incident, state=DeliveryState.FAILED, error=why, at=at)
    else:
        leasing.finish(
            delivery, state=DeliveryState.PENDING, not_before=until, error=why, attempts=delivery.attempts - 1
        )


def _other_ways(delivery: Delivery) -> QuerySet[ContactMethod]:
    """The person's usable methods that this page has not failed on."""
    lost = Delivery.objects.filter(page=delivery.page, state__in=[DeliveryState.FAILED, DeliveryState.CANCELLED])
    usable = ContactMethod.objects.filter(user=delivery.person_id, verified_at__isnull=False, disabled_at=None)
    return usable.exclude(pk=delivery.method_id or 0).exclude(pk__in=lost.exclude(method=None).values("method"))


@transaction.atomic
def drop(delivery: Delivery, *, state: str, error: str, at: datetime) -> None:
    """End a delivery that is not to be sent."""
    _give_up(delivery, _lock_incident(delivery), state=state, error=error, at=at)


def _give_up(delivery: Delivery, incident: Incident | None, *, state: str, error: str, at: datetime) -> None:
    """End a delivery without success; a page that failed looks for another way at once.

    A page to somebody who has left since is answered by nobody: the next level does not wait for it.
    """
    if not leasing.finish(delivery, state=state, error=error):
        return
    page = delivery.page
    if page is not None and page.act == Act.PAGE and page.ended_at is None and not page.person.is_active:
        _tell(incident, f"{_what(delivery)} was not sent: {error}.", at)
        _bring_next_level_forward(page, at)
        due.ring_on_commit()
    if state != DeliveryState.FAILED:
        return
    _tell(incident, f"{_what(delivery)} failed: {error}.", at)
    if delivery.page is not None and delivery.page.act == Act.PAGE:
        find_another_way(delivery.page, at=at)


def _record(delivery: Delivery, transport: str, outcome: str, detail: str, at: datetime) -> None:
    leasing.record([_attempt(delivery, transport, outcome, detail, at)])


def _attempt(delivery: Delivery, transport: str, outcome: str, detail: str, at: datetime) -> Attempt:
    return Attempt(
        delivery=delivery, number=delivery.attempts, transport=transport, at=at, outcome=outcome, detail=detail
    )


def _what(delivery: Delivery) -> str:
    again = f", try {delivery.attempts}" if delivery.attempts > 1 else ""
    return f"{delivery.get_channel_display()} to {delivery.person}{again}"


def _lock_incident(delivery: Delivery) -> Incident | None:
    """The incident row first, as everywhere."""
    return next(iter(_lock_incidents([delivery]).values()), None)


def _lock_incidents(deliveries: Iterable[Delivery]) -> dict[int, Incident]:
    """The incidents whose pages these are, locked in the order of their keys (1 query, or none)."""
    wanted = {delivery.page.incident_id for delivery in deliveries if delivery.page}
    if not wanted:
        return {}
    rows = Incident.objects.select_for_update(no_key=True).filter(pk__in=wanted)
    return {row.pk: row for row in rows.order_by("pk")}


def _tell(incident: Incident | None, text: str, at: datetime) -> None:
    """Write what became of a page's message on the timeline."""
    if incident is not None:
        timeline.write([timeline.Line(incident, EntryKind.DELIVERY, text)], at=at)
        rewriting.save([incident], ["timeline_seq"])


def _tell_all(incidents: dict[int, Incident], told: Sequence[tuple[Delivery, str]], at: datetime) -> None:
    """Write on each timeline what became of its messages."""
    lines = [
        timeline.Line(incidents[delivery.page.incident_id], EntryKind.DELIVERY, text)
        for delivery, text in told
        if delivery.page
    ]
    if lines:
        timeline.write(lines, at=at)
        rewriting.save({line.incident.pk: line.incident for line in lines}.values(), ["timeline_seq"])


def report(delivery_id: int, *, attempt: int, arrived: bool, words: str, at: datetime) -> bool:
    """Take down what a provider says afterwards of a message that it accepted; returns whether that was news.

    News may come late, twice and out of order, even before our own “accepted” is committed: a final state stays, and
    the failure of an earlier attempt says nothing about the present one. Pages that the lost message carried along
    look for another way too.
    """
    was_news = _report(delivery_id, attempt=attempt, arrived=arrived, words=words, at=at)
    if was_news and not arrived:
        for page in Page.objects.filter(deliveries__bundled_into=delivery_id, act=Act.PAGE).order_by("pk"):
            _look_elsewhere(page.pk, at=at)
    return was_news


@transaction.atomic
def _look_elsewhere(page_id: int, *, at: datetime) -> None:
    """Another way for a page whose message was lost with the one that carried it; the incident's lock first."""
    incident = Page.objects.filter(pk=page_id).values("incident")
    Incident.objects.select_for_update(no_key=True).get(pk__in=incident)
    find_another_way(Page.objects.select_related("incident__severity", "person").get(pk=page_id), at=at)


@transaction.atomic
def _report(delivery_id: int, *, attempt: int, arrived: bool, words: str, at: datetime) -> bool:
    found = leasing.loaded().filter(pk=delivery_id).first()
    if found is None:
        return False
    incident = _lock_incident(found)
    delivery = leasing.loaded().select_for_update(of=("self",), no_key=True).get(pk=delivery_id)
    handed_over = delivery.state in (DeliveryState.ACCEPTED, DeliveryState.SENDING)
    may_retry = arrived and delivery.state == DeliveryState.PENDING and delivery.attempts > 0
    if not (handed_over or may_retry) or (not arrived and attempt != delivery.attempts):
        return False
    state = DeliveryState.DELIVERED if arrived else DeliveryState.FAILED
    _record(delivery, "callback", state, words, at)
    delivery.sent_at = delivery.sent_at or (at if arrived else None)
    delivery.state, delivery.error, delivery.lease, delivery.lease_until = state, "" if arrived else words, None, None
    delivery.save(update_fields=["state", "error", "sent_at", "lease", "lease_until"])
    _tell(incident, f"{_what(delivery)}: delivered." if arrived else f"{_what(delivery)} failed: {words}.", at)
    if not arrived and delivery.page is not None and delivery.page.act == Act.PAGE:
        find_another_way(delivery.page, at=at)
    return True


def find_another_way(page: Page, *, at: datetime) -> None:
    """Use the person's next unused method, else bring the next level forward; the incident is locked."""
    if page.ended_at is not None or paging.is_under_way(page, at):
        return
    if not paging.use_another_way(page, at):
        _bring_next_level_forward(page, at)
    due.ring_on_commit()


def _bring_next_level_forward(page: Page, at: datetime) -> None:
    run = Escalation.objects.filter(pk=page.run_id, state=RunState.ACTIVE).first()
    if run is None or Page.objects.filter(run=run, act=Act.PAGE, ended_at=None).exclude(pk=page.pk).exists():
        return
    step = (
        EscalationStep.objects.filter(run=run, state=StepState.WAITING, act=Act.PAGE)
        .order_by("loop", "due_at", "level", "pk")
        .first()
    )
    if step is not None:
        step.due_at = min(step.due_at, at)
        step.save(update_fields=["due_at"])
    Escalation.objects.filter(pk=run.pk).update(due_at=at)


def expire_due(at: datetime) -> due.Done:
    """End, visibly, what could not go out in time: the due source ``expiries``."""
    return due.do_set("expiries", expired(at).order_by("expires_at", "pk"), _expire, at)


def expired(at: datetime) -> QuerySet[Delivery]:
    """What did not go out in time."""
    return Delivery.objects.filter(state=DeliveryState.PENDING, expires_at__lt=at)


def _expire(ids: Sequence[int], at: datetime) -> int:
    done = 0
    for delivery in leasing.loaded().filter(pk__in=ids):
        done += _expire_one(delivery, at)
    return done


@transaction.atomic
def _expire_one(delivery: Delivery, at: datetime) -> int:
    incident = _lock_incident(delivery)
    ended = expired(at).filter(pk=delivery.pk).update(state=DeliveryState.FAILED, error="expired")
    if ended:
        _tell(incident, f"{_what(delivery)} expired: it could not go out in time.", at)
    return ended
