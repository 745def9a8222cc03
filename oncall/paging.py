"""Pages and the deliveries that carry them: made in sets, ended together, repeated until somebody answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from incidents import due
from incidents.models import Incident, Participant, User
from oncall.models import Act, Channel, ContactMethod, Delivery, DeliveryState, Escalation, Page
from oncall.reach import Reach, Reached, usable_methods

NEVER_INTERRUPTS = {Channel.VOICE}  # ways that “inform” does not use: nobody is asked to answer


@dataclass(frozen=True)
class Wanted:
    """A page to be made: this run, at this level, wants this person."""

    incident: Incident
    run: Escalation
    level: int
    act: str
    reached: Reached


def make(wanted: Sequence[Wanted], reach: Reach, at: datetime) -> list[Page]:
    """Write the pages and their deliveries; the incidents are locked, everyone wanted can be reached."""
    _silence_older(wanted)
    calling: set[tuple[int, int]] = set()
    pages = [
        Page(
            incident=want.incident,
            run=want.run,
            person=want.reached.person,
            generation=want.run.generation,
            loop=want.run.loop,
            level=want.level,
            act=want.act,
            reason=want.reached.reason[:200],
            created_at=at,
            repeat_at=_next_call(want.incident, at) if _calls(want, calling) else None,
        )
        for want in wanted
    ]
    Page.objects.bulk_create(pages)
    deliveries = [
        delivery(page, method, at=at)
        for page in pages
        for method in choose(reach.methods(page.person), page.incident, page.act)
    ]
    Delivery.objects.bulk_create(deliveries)
    parts = [Participant(incident=page.incident, user=page.person, why="paged", since=at) for page in pages]
    Participant.objects.bulk_create(parts, ignore_conflicts=True)
    return pages


def _silence_older(wanted: Sequence[Wanted]) -> None:
    """However many levels and rounds ask for a person, one page calls again: the newest of the incident."""
    asked = [want for want in wanted if want.act == Act.PAGE]
    Page.objects.filter(_one_of(asked), repeat_at__isnull=False).update(repeat_at=None)


def _one_of(asked: Sequence[Wanted]) -> Q:
    pairs = Q(pk__in=[])
    for want in asked:
        pairs |= Q(incident=want.incident, person=want.reached.person)
    return pairs


def _calls(want: Wanted, calling: set[tuple[int, int]]) -> bool:
    """Is this the page of the set that calls this person again for this incident?"""
    pair = (want.incident.pk, want.reached.person.pk)
    if want.act != Act.PAGE or pair in calling:
        return False
    calling.add(pair)
    return True


def choose(methods: Sequence[ContactMethod], incident: Incident, act: str) -> list[ContactMethod]:
    """One method for each way that the severity names, and the sandbox; else the person's first (RULES section 9)."""
    ways = [*incident.severity.channels, Channel.SANDBOX]
    if act == Act.INFORM:
        ways = [way for way in dict.fromkeys([*ways, Channel.PUSH, Channel.IN_APP]) if way not in NEVER_INTERRUPTS]
    first: dict[str, ContactMethod] = {}
    for method in methods:
        first.setdefault(method.channel, method)
    return [first[way] for way in ways if way in first] or list(methods[:1])


def delivery(page: Page, method: ContactMethod, *, at: datetime, number: int = 1) -> Delivery:
    """A message of the page on the method, not yet saved. ``number`` tells repeated calls apart."""
    severity = page.incident.severity
    return Delivery(
        page=page,
        person_id=page.person_id,
        method=method,
        channel=method.channel,
        address=method.address,
        dedupe_key=f"page:{page.pk}:{method.pk}:{number}",
        priority=severity.level + (0 if page.act == Act.PAGE else 5),
        created_at=at,
        not_before=at,
        expires_at=at + severity.delivery_expires_after,
    )


def end(pages: QuerySet[Page], *, at: datetime, why: str) -> None:
    """End pages that want no answer any more; what has not gone out yet is cancelled."""
    open_pages = pages.filter(ended_at=None)
    Delivery.objects.filter(page__in=open_pages, state=DeliveryState.PENDING).update(
        state=DeliveryState.CANCELLED, error=why
    )
    open_pages.update(ended_at=at, repeat_at=None)


def acknowledged_by(person: User, incident: Incident, at: datetime) -> None:
    """Mark the person's waiting pages of this incident as answered."""
    Page.objects.filter(incident=incident, person=person, act=Act.PAGE, acknowledged_at=None).update(
        acknowledged_at=at, repeat_at=None
    )


def bells(at: datetime) -> due.Done:
    """Ring once for each channel that has something to send: the due source ``deliveries``."""
    ready = Q(state=DeliveryState.PENDING, not_before__lte=at) | Q(state=DeliveryState.SENDING, lease_until__lt=at)
    channels = Delivery.objects.filter(ready).values_list("channel", flat=True).distinct()
    return due.Done(bells={bell(channel) for channel in channels})


def bell(channel: str) -> due.Bell:
    """The task that sends what is due on a channel."""
    return due.Bell("oncall.tasks.deliver", "delivery", (("channel", channel),))


def unsent(at: datetime) -> QuerySet[Delivery]:
    """Deliveries whose time has come and that nobody has leased."""
    return Delivery.objects.filter(state=DeliveryState.PENDING, not_before__lte=at)


def repeat_due(at: datetime) -> due.Done:
    """Call again whoever has not answered: the due source ``repeats`` (C-9)."""
    ids = list(repeating(at).values_list("pk", flat=True)[: due.BATCH])
    return due.Done(rows=_repeat(ids, at)) if ids else due.Done()


def repeating(at: datetime) -> QuerySet[Page]:
    """Pages whose next call is due."""
    return Page.objects.filter(repeat_at__lt=at).order_by("repeat_at", "pk")


@transaction.atomic
def _repeat(ids: Collection[int], at: datetime) -> int:
    wanted = Page.objects.filter(pk__in=ids).values("incident")
    locked = Incident.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=wanted).order_by("pk")
    incidents = {incident.pk: incident for incident in locked}
    pages = list(
        repeating(at).filter(pk__in=ids, incident__in=incidents).select_related("incident__severity", "person")
    )
    methods = usable_methods([page.person_id for page in pages])
    deliveries = []
    for page in pages:
        if page.ended_at or page.acknowledged_at or not page.incident.is_open or page.incident.acknowledged:
            page.repeat_at = None
            continue
        page.repeats += 1
        page.repeat_at = _next_call(page.incident, at)
        calls = [method for method in methods.get(page.person_id, []) if method.channel == Channel.VOICE][:1]
        calls = calls or choose(methods.get(page.person_id, []), page.incident, page.act)
        deliveries += [delivery(page, method, at=at, number=page.repeats + 1) for method in calls]
    Delivery.objects.bulk_create(deliveries)
    Page.objects.bulk_update(pages, ["repeat_at", "repeats"])
    return len(pages)


def _next_call(incident: Incident, at: datetime) -> datetime | None:
    distance = incident.severity.repeat_call_every
    return at + incident.scaled(distance) if distance else None
