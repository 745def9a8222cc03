"""Hand deliveries to their transports: lease, look again, send, record what came of it.

At least once: a crash can repeat a message, never lose it. No network call inside a transaction. What is leased
together is read together and recorded together: in a herd people would wait for the statements of single messages.
"""

import logging
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime

from incidents import due, runbooks
from incidents.models import Runbook
from oncall import breaker, bundling, leasing, messages, outcomes, throttling
from oncall.bundling import Bundle
from oncall.channels import transport_for
from oncall.channels.contract import DeliveryError, Message, Receipt, Transport
from oncall.models import ContactMethod, Delivery, DeliveryState, Probe, ProbeKind
from oncall.outcomes import Taken

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ready:
    """A message that is leased, still wanted and composed: what is left to do needs no database."""

    delivery: Delivery
    message: Message
    transport: Transport


@dataclass
class Known:
    """What the messages of one lease share, so that it is asked once."""

    at: datetime
    runbooks: dict[int, Runbook]
    rests: dict[str, datetime | None] = field(default_factory=dict)

    def rests_until(self, provider: str) -> datetime | None:
        """Until when a provider is left alone; None = it may be asked."""
        if provider not in self.rests:
            self.rests[provider] = breaker.rests_until(provider, self.at)
        return self.rests[provider]


def send_due(channel: str, *, at: datetime) -> int:
    """Lease what is due on the channel and send it; return how many were leased."""
    leased = leasing.lease(channel, at=at)
    send(leased, at=at)
    return len(leased)


def send(leased: Sequence[Delivery], *, at: datetime) -> None:
    """Send leased messages beside one another, each as its rows stand now; what lost its lease is not sent."""
    bundles = bundling.gather(leased, at=at)
    for came in _hand_over(_prepare(bundles, at=at)):
        _conclude(came, at=at)
    if any(bundle.others for bundle in bundles):
        bundling.settle(bundles, at=at)


def _hand_over(ready: Sequence[Ready]) -> Iterator[list[tuple[Ready, Receipt | Exception]]]:
    """Give the messages to their transports, at the same time where these ask a provider; yield what has ended."""
    if len(ready) < 2 or not all(one.transport.provider for one in ready):
        yield [(one, _hand_one_over(one)) for one in ready]
        return
    with ThreadPoolExecutor(min(len(ready), leasing.CLAIM), thread_name_prefix="hand over") as hands:
        under_way: dict[Future[Receipt | Exception], Ready] = {hands.submit(_hand_one_over, one): one for one in ready}
        while under_way:
            ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
            yield [(under_way.pop(done), done.result()) for done in ended]


def _hand_one_over(one: Ready) -> Receipt | Exception:
    try:
        return one.transport.send(one.message)
    except Exception as error:
        return error


def _prepare(bundles: Sequence[Bundle], *, at: datetime) -> list[Ready]:
    """Renew the leases, look again as the rows stand now, compose; what is not to be sent is noted and left out."""
    others = {bundle.carrier.pk: bundle.others for bundle in bundles}
    wanted = []
    for delivery in leasing.renew(bundle.carrier for bundle in bundles):
        state, why = _look_again(delivery, at)
        if state:
            outcomes.drop(delivery, state=state, error=why, at=at)
        else:
            wanted.append(delivery)
    known = Known(at, runbooks.first_of_each({row.page.incident.service_id for row in wanted if row.page}))
    return [ready for row in wanted if (ready := _compose(row, others[row.pk], known))]


def _compose(delivery: Delivery, others: Sequence[Delivery], known: Known) -> Ready | None:
    """Write the message and find its transport; None = it waits or failed, and that is noted."""
    name = provider = ""
    try:
        runbook = known.runbooks.get(delivery.page.incident.service_id) if delivery.page else None
        message = bundling.retell(messages.compose(delivery, runbook, at=known.at), delivery, others)
        transport = transport_for(delivery.channel, message.address)
        name, provider = transport.name, transport.provider
        if resting := known.rests_until(provider):
            outcomes.leave_alone(delivery, provider, resting, at=known.at)
        elif not throttling.hold(delivery, others, at=known.at):
            return Ready(delivery, message, transport)
    except Exception as error:
        _fell_through(delivery, name, provider, error, at=known.at)
    return None


def _conclude(came: Sequence[tuple[Ready, Receipt | Exception]], *, at: datetime) -> None:
    """Record what came of messages; a set that cannot be written is written one by one."""
    taken = []
    for one, result in came:
        if isinstance(result, Exception):
            _fell_through(one.delivery, one.transport.name, one.transport.provider, result, at=at)
        else:
            taken.append((one, Taken(one.delivery, one.transport.name, result)))
    for provider in {one.transport.provider for one, _ in taken}:
        breaker.worked(provider, at)
    by_key = {done.delivery.pk: done for _, done in taken}
    if by_key:
        due.in_sets(
            list(by_key), lambda keys: outcomes.succeeded([by_key[key] for key in keys], at=at), _leave_to_the_lease
        )


def _leave_to_the_lease(pk: int, error: Exception) -> None:
    """What went out but could not be written goes out again when its lease ends: twice rather than never."""
    log.error("delivery %s went out, but that could not be written: %s", pk, type(error).__name__)


def _fell_through(delivery: Delivery, name: str, provider: str, error: Exception, *, at: datetime) -> None:
    """A message did not go out: the provider said so, or something broke here."""
    if isinstance(error, DeliveryError):
        _note_health(provider, error, at)
        outcomes.failed(delivery, name, error, at=at)
        return
    where = "".join(traceback.format_tb(error.__traceback__))  # not its words: they may show a secret address
    log.error("the transport of %s broke: %s\n%s", delivery.channel, type(error).__name__, where)
    outcomes.failed(delivery, name, DeliveryError(f"internal fault: {type(error).__name__}", permanent=False), at=at)


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
