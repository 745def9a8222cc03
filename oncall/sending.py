"""Hand deliveries to their transports: lease, look again, send, finish by compare-and-set on the lease.

At least once: a crash can repeat a message, never lose it. No network call inside a transaction.
"""

import logging
import traceback
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest, Now

from incidents import due, timeline
from incidents.models import EntryKind, Incident
from oncall import breaker, bundling, canary, messages, paging, throttling
from oncall.bundling import Bundle
from oncall.channels import transport_for
from oncall.channels.contract import DeliveryError, Message, Receipt, Transport
from oncall.models import (
    Act,
    Attempt,
    ContactMethod,
    Delivery,
    DeliveryState,
    Escalation,
    EscalationStep,
    Page,
    Probe,
    ProbeKind,
    RunState,
    StepState,
)

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)  # longer than any transport's timeout
RETRY_AFTER = timedelta(seconds=15)
TRIES = 4  # the first and three more (O22)
ORDER = ("priority", "place", "not_before", "pk")  # the most urgent first; no service waits behind another
CLAIM = 10  # deliveries of one lease


@dataclass(frozen=True)
class Ready:
    """A message that is leased, still wanted and composed: what is left to do needs no database."""

    bundle: Bundle
    delivery: Delivery
    message: Message
    transport: Transport


def send_due(channel: str, *, at: datetime) -> int:
    """Lease what is due on the channel and send it; return how many were leased."""
    leased = lease(channel, at=at)
    send(leased, at=at)
    return len(leased)


def send(leased: Sequence[Delivery], *, at: datetime) -> None:
    """Send leased messages beside one another, each as its rows stand now; what lost its lease is not sent."""
    bundles = bundling.gather(leased, at=at)
    ready = [one for bundle in bundles if (one := _prepare(bundle, at=at))]
    for one, came in _hand_over(ready):
        _conclude(one, came, at=at)
    for bundle in bundles:
        bundling.settle(bundle, at=at)


def _hand_over(ready: Sequence[Ready]) -> Iterator[tuple[Ready, Receipt | Exception]]:
    """Give the messages to their transports, at the same time where these ask a provider; yield each as it ends."""
    if len(ready) < 2 or not all(one.transport.provider for one in ready):
        for one in ready:
            yield one, _hand_one_over(one)
        return
    with ThreadPoolExecutor(len(ready), thread_name_prefix="hand over") as hands:
        under_way = {hands.submit(_hand_one_over, one): one for one in ready}
        for done in as_completed(under_way):
            yield under_way[done], done.result()


def _hand_one_over(one: Ready) -> Receipt | Exception:
    try:
        return one.transport.send(one.message)
    except Exception as error:
        return error


@transaction.atomic
def lease(channel: str, *, at: datetime) -> list[Delivery]:
    """Take up to ten due deliveries for half a minute, the most urgent first; those whose lease ran out as well."""
    ready = Q(state=DeliveryState.PENDING, not_before__lte=at) | Q(state=DeliveryState.SENDING, lease_until__lt=at)
    rows = Delivery.objects.select_for_update(skip_locked=True, no_key=True).filter(ready, channel=channel)
    claimed = list(rows.order_by(*ORDER)[:CLAIM])
    lost = [row for row in claimed if row.state == DeliveryState.SENDING]
    Attempt.objects.bulk_create(
        [Attempt(delivery=row, number=row.attempts, transport="", at=at, outcome="lease expired") for row in lost]
    )
    mine = uuid.uuid4()
    Delivery.objects.filter(pk__in=[row.pk for row in claimed]).update(
        state=DeliveryState.SENDING, lease=mine, lease_until=at + LEASE, attempts=F("attempts") + 1
    )
    return list(_loaded().filter(lease=mine, pk__in=[row.pk for row in claimed]).order_by(*ORDER))


def _loaded() -> QuerySet[Delivery]:
    return Delivery.objects.select_related(
        "page__incident__severity",
        "page__incident__service",
        "page__run",
        "page__person",
        "notice__incident",
        "probe",
        "person",
        "method",
    )


def _prepare(bundle: Bundle, *, at: datetime) -> Ready | None:
    """Renew the lease, look again as the rows stand now, compose; None = nothing is to be sent, and that is noted."""
    delivery = bundle.carrier
    mine = Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease, state=DeliveryState.SENDING)
    if not mine.update(lease_until=Greatest(F("lease_until"), Now() + LEASE)):
        return None
    delivery = _loaded().get(pk=delivery.pk)
    state, why = _look_again(delivery, at)
    if state:
        _finish(delivery, state=state, error=why, at=at)
        return None
    name = provider = ""
    try:
        message = bundling.retell(messages.compose(delivery, at=at), delivery, bundle.others)
        transport = transport_for(delivery.channel, message.address)
        name, provider = transport.name, transport.provider
        if resting := breaker.rests_until(provider, at):
            _leave_alone(delivery, provider, resting, at=at)
        elif not throttling.hold(delivery, bundle.others, at=at):
            return Ready(bundle, delivery, message, transport)
    except Exception as error:
        _fell_through(delivery, name, provider, error, at=at)
    return None


def _conclude(one: Ready, came: Receipt | Exception, *, at: datetime) -> None:
    """Record what came of a message."""
    if isinstance(came, Exception):
        _fell_through(one.delivery, one.transport.name, one.transport.provider, came, at=at)
        return
    breaker.worked(one.transport.provider, at)
    _succeeded(one.delivery, one.transport.name, came, at=at)


def _fell_through(delivery: Delivery, name: str, provider: str, error: Exception, *, at: datetime) -> None:
    """A message did not go out: the provider said so, or something broke here."""
    if isinstance(error, DeliveryError):
        _note_health(provider, error, at)
        _failed(delivery, name, error, at=at)
        return
    where = "".join(traceback.format_tb(error.__traceback__))  # not its words: they may show a secret address
    log.error("the transport of %s broke: %s\n%s", delivery.channel, type(error).__name__, where)
    _failed(delivery, name, DeliveryError(f"internal fault: {type(error).__name__}", permanent=False), at=at)


def _note_health(provider: str, error: DeliveryError, at: datetime) -> None:
    """A refusal of one message is no fault of the provider, and shows that it works."""
    if error.of_provider:
        breaker.failed(provider, str(error), at)
    elif provider:
        breaker.worked(provider, at)


def _look_again(delivery: Delivery, at: datetime) -> tuple[str, str]:
    """Is the message still wanted? Returns the final state and the reason when it is not."""
    if delivery.expires_at < at:
        return DeliveryState.FAILED, "expired: it could not go out in time"
    if delivery.person is None:
        return "", ""
    if not delivery.person.is_active:
        return DeliveryState.CANCELLED, "the person is no longer active"
    if delivery.method is None or not _may_use(delivery.method, delivery.probe):
        return DeliveryState.FAILED, "the contact method is gone, disabled or not verified"
    page = delivery.page
    if page is not None and (page.ended_at is not None or not page.incident.is_open):
        return DeliveryState.CANCELLED, "no longer wanted"
    return "", ""


def _may_use(method: ContactMethod, probe: Probe | None) -> bool:
    """A code may go to a method that is still to be verified."""
    if probe is not None and probe.kind == ProbeKind.CODE:
        return method.disabled_at is None
    return method.is_usable


@transaction.atomic
def _succeeded(delivery: Delivery, transport: str, receipt: Receipt, *, at: datetime) -> None:
    incident = _lock_incident(delivery)
    outcome = DeliveryState.DELIVERED if receipt.delivered else DeliveryState.ACCEPTED
    _record(delivery, transport, outcome, receipt.detail, at)
    sent_at = due.database_now()
    if _set(delivery, state=outcome, sent_at=sent_at, error=""):
        _tell(incident, f"{_what(delivery)}: {outcome.label.lower()}.", at)
        canary.arrived(delivery, sent_at)


@transaction.atomic
def _failed(delivery: Delivery, transport: str, error: DeliveryError, *, at: datetime) -> None:
    incident = _lock_incident(delivery)
    _record(delivery, transport, "permanent" if error.permanent else "temporary", str(error), at)
    if not error.permanent and delivery.attempts < TRIES:
        _set(delivery, state=DeliveryState.PENDING, not_before=at + RETRY_AFTER, error=str(error))
    else:
        _give_up(delivery, incident, state=DeliveryState.FAILED, error=str(error), at=at)


@transaction.atomic
def _leave_alone(delivery: Delivery, provider: str, until: datetime, *, at: datetime) -> None:
    """The provider rests: use another way at once, or wait for it where there is none."""
    incident = _lock_incident(delivery)
    why = f"{provider} keeps failing and is left alone until {until:%H:%M:%S} UTC"
    if delivery.page is not None and _other_ways(delivery).exists():
        _give_up(delivery, incident, state=DeliveryState.FAILED, error=why, at=at)
    else:
        _set(delivery, state=DeliveryState.PENDING, not_before=until, error=why, attempts=delivery.attempts - 1)


def _other_ways(delivery: Delivery) -> QuerySet[ContactMethod]:
    """The person's usable methods that this page has not failed on."""
    lost = Delivery.objects.filter(page=delivery.page, state__in=[DeliveryState.FAILED, DeliveryState.CANCELLED])
    usable = ContactMethod.objects.filter(user=delivery.person_id, verified_at__isnull=False, disabled_at=None)
    return usable.exclude(pk=delivery.method_id or 0).exclude(pk__in=lost.exclude(method=None).values("method"))


@transaction.atomic
def _finish(delivery: Delivery, *, state: str, error: str, at: datetime) -> None:
    _give_up(delivery, _lock_incident(delivery), state=state, error=error, at=at)


def _give_up(delivery: Delivery, incident: Incident | None, *, state: str, error: str, at: datetime) -> None:
    """End a delivery without success; a page that failed looks for another way at once.

    A page to somebody who has left since is answered by nobody: the next level does not wait for it.
    """
    if not _set(delivery, state=state, error=error):
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


def _set(delivery: Delivery, **changes: object) -> bool:
    """Finish by compare-and-set: nothing happens when the lease is no longer ours."""
    mine = Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease, state=DeliveryState.SENDING)
    return mine.update(lease=None, lease_until=None, **changes) == 1


def _record(delivery: Delivery, transport: str, outcome: str, detail: str, at: datetime) -> None:
    Attempt.objects.create(
        delivery=delivery, number=delivery.attempts, transport=transport, at=at, outcome=outcome, detail=detail[:1000]
    )


def _what(delivery: Delivery) -> str:
    again = f", try {delivery.attempts}" if delivery.attempts > 1 else ""
    return f"{delivery.get_channel_display()} to {delivery.person}{again}"


def _lock_incident(delivery: Delivery) -> Incident | None:
    """The incident row first, as everywhere."""
    if delivery.page is None:
        return None
    return Incident.objects.select_for_update(no_key=True).get(pk=delivery.page.incident_id)


def _tell(incident: Incident | None, text: str, at: datetime) -> None:
    """Write what became of a page's message on the timeline."""
    if incident is not None:
        timeline.write([timeline.Line(incident, EntryKind.DELIVERY, text)], at=at)
        incident.save(update_fields=["timeline_seq"])


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
    found = _loaded().filter(pk=delivery_id).first()
    if found is None:
        return False
    incident = _lock_incident(found)
    delivery = _loaded().select_for_update(of=("self",), no_key=True).get(pk=delivery_id)
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
    for delivery in _loaded().filter(pk__in=ids):
        done += _expire_one(delivery, at)
    return done


@transaction.atomic
def _expire_one(delivery: Delivery, at: datetime) -> int:
    incident = _lock_incident(delivery)
    ended = expired(at).filter(pk=delivery.pk).update(state=DeliveryState.FAILED, error="expired")
    if ended:
        _tell(incident, f"{_what(delivery)} expired: it could not go out in time.", at)
    return ended
