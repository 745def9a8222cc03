"""One message instead of many: what is due to one destination for one service goes out together (O20).

The others are leased with the one that carries them. They end as bundled when it went out, and wait again when not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from oncall.channels.contract import Message
from oncall.models import Act, Channel, Delivery, DeliveryState, Page
from oncall.wording import enumerate_words

MOST = 500  # that one message carries
NAMED = 5  # incidents that it names
OUT = (DeliveryState.ACCEPTED, DeliveryState.DELIVERED)
OWN = {Channel.IN_APP, Channel.WEBHOOK, Channel.CANARY}  # ways on which every page stands for itself
LOADED = ("page__incident__severity", "page__incident__service", "person", "method")

Key = tuple[str, str, int, str]


@dataclass(frozen=True)
class Bundle:
    """A leased delivery and those that go out with it; mostly none."""

    carrier: Delivery
    others: tuple[Delivery, ...] = ()


def gather(leased: Sequence[Delivery], *, at: datetime) -> list[Bundle]:
    """Put together what asks the same destination about the same service, with what waits in the outbox for it.

    All of ``leased`` are of one lease.
    """
    groups: dict[Key, list[Delivery]] = {}
    bundles: list[Bundle | Key] = []
    for delivery in leased:
        key = _key(delivery, at)
        if key is None:
            bundles.append(Bundle(delivery))
        elif key not in groups:
            groups[key] = [delivery]
            bundles.append(key)
        else:
            groups[key].append(delivery)
    for key, more in _more({key: group[0] for key, group in groups.items()}, at).items():
        groups[key] += more
    return [one for item in bundles for one in ([item] if isinstance(item, Bundle) else _bundle(groups[item]))]


def _key(delivery: Delivery, at: datetime) -> Key | None:
    """What must be equal to go together; None = it stands for itself, or is not wanted any more."""
    page = delivery.page
    if page is None or delivery.channel in OWN or page.act != Act.PAGE or delivery.expires_at < at:
        return None
    if page.ended_at or page.acknowledged_at or not page.incident.is_open:
        return None
    if delivery.person is None or not delivery.person.is_active or not (delivery.method and delivery.method.is_usable):
        return None
    return delivery.channel, delivery.address, page.incident.service_id, page.incident.prefix


def _bundle(group: Sequence[Delivery]) -> list[Bundle]:
    """The first carries the others, each incident once; a second message of one incident goes on its own."""
    carrier, *rest = group
    seen = {carrier.page.incident_id} if carrier.page else set()
    others: list[Delivery] = []
    alone: list[Delivery] = []
    for delivery in rest:
        incident = delivery.page.incident_id if delivery.page else 0
        (alone if incident in seen else others).append(delivery)
        seen.add(incident)
    return [Bundle(carrier, tuple(others)), *(Bundle(delivery) for delivery in alone)]


def _more(carriers: Mapping[Key, Delivery], at: datetime) -> dict[Key, list[Delivery]]:
    """Lease what waits for the same destinations and services, for as long as its carrier is leased (1 query)."""
    return _lease_more(carriers, at) if carriers else {}


@transaction.atomic
def _lease_more(carriers: Mapping[Key, Delivery], at: datetime) -> dict[Key, list[Delivery]]:
    found: dict[Key, list[Delivery]] = {key: [] for key in carriers}
    for row in _waiting(carriers, at).select_related(*LOADED)[:MOST]:
        key = _key(row, at)
        if key is not None and key in carriers:
            found[key].append(row)
    lease, until = next((carrier.lease, carrier.lease_until) for carrier in carriers.values())
    more = [row for rows in found.values() for row in rows]
    Delivery.objects.filter(pk__in=[row.pk for row in more]).update(
        state=DeliveryState.SENDING, lease=lease, lease_until=until, attempts=F("attempts") + 1
    )
    for row in more:
        row.state, row.lease, row.lease_until, row.attempts = DeliveryState.SENDING, lease, until, row.attempts + 1
    return found


def _waiting(carriers: Iterable[Key], at: datetime) -> QuerySet[Delivery]:
    """What waits for one of the destinations about one of the services, locked; the keys say which belong together."""
    channels, addresses, services, _ = (set(column) for column in zip(*carriers, strict=True))
    rows = Delivery.objects.filter(
        state=DeliveryState.PENDING,
        channel__in=channels,
        address__in=addresses,
        not_before__lte=at,
        page__act=Act.PAGE,
        page__incident__service__in=services,
    )
    return rows.select_for_update(skip_locked=True, no_key=True, of=("self",)).order_by("priority", "pk")


def retell(message: Message, carrier: Delivery, others: Sequence[Delivery]) -> Message:
    """Say in the carrier's message how many wait and which; alone it stays as it is."""
    if not others or carrier.page is None:
        return message
    incidents = [row.page.incident for row in (carrier, *others) if row.page]
    count, service = len(incidents), carrier.page.incident.service
    head = f"{carrier.page.incident.prefix}{count} unacked on {service}"
    names = [f"{one.ref} {one.severity.label} {one.title}" for one in incidents[:NAMED]]
    names += [f"{count - NAMED} more"] if count > NAMED else []
    return replace(
        message,
        subject=f"{head}: {message.subject}"[:200],
        text=f"{head}: {'; '.join(names)}.\n\n{message.text}",
        speech=f"{count} unacknowledged incidents on {service}. {message.speech}" if message.speech else "",
    )


@transaction.atomic
def settle(bundles: Iterable[Bundle], *, at: datetime) -> None:
    """End those that went out with their carrier; where it did not, they wait again, as long as it does."""
    whole = [bundle for bundle in bundles if bundle.others]
    carriers = Delivery.objects.in_bulk([bundle.carrier.pk for bundle in whole])
    for bundle in whole:
        _settle(bundle, carriers[bundle.carrier.pk], at)


def _settle(bundle: Bundle, carrier: Delivery, at: datetime) -> None:
    held = Delivery.objects.filter(
        pk__in=[row.pk for row in bundle.others], lease=bundle.carrier.lease, state=DeliveryState.SENDING
    )
    if carrier.state in OUT:
        said = bundle.carrier.page.incident.ref if bundle.carrier.page else ""
        held.update(
            state=DeliveryState.BUNDLED,
            bundled_into=carrier,
            sent_at=carrier.sent_at,
            lease=None,
            lease_until=None,
            error=f"said in the message for {said}",
        )
        return
    waits = carrier.state == DeliveryState.PENDING
    held.update(
        state=DeliveryState.PENDING,
        lease=None,
        lease_until=None,
        attempts=F("attempts") - 1,
        not_before=carrier.not_before if waits else at,
        error=carrier.error if waits else "",
    )


def carried_with(page: Page) -> list[Page]:
    """The pages that a message of this page named too and that still want their person's answer (1 query)."""
    named = Q(deliveries__bundled_into__page=page) | Q(deliveries__carries__page=page)
    rows = Page.objects.filter(named, person=page.person_id, act=Act.PAGE, ended_at=None, acknowledged_at=None)
    return list(_shown(rows).exclude(pk=page.pk).distinct().order_by("pk"))


def _shown(rows: QuerySet[Page]) -> QuerySet[Page]:
    return rows.filter(incident__status="open").select_related("incident__held_by", "incident__service", "person")


def say_refs(pages: Iterable[Page]) -> str:
    """The references of their incidents, as a sentence lists them."""
    return enumerate_words([page.incident.ref for page in pages])
