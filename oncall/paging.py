"""Pages and the deliveries that carry them: made in sets, ended together, repeated until somebody answers."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from incidents import clocks, due, rewriting
from incidents.business_hours import BusinessHours
from incidents.models import Incident, Participant
from oncall import plans
from oncall.models import Act, Channel, ContactMethod, Delivery, DeliveryState, Escalation, Page
from oncall.reach import Reach, Reached, usable_methods

OFTEN = timedelta(minutes=1)  # two messages to one method for one incident closer than this are one (O19)
LATER, TOLD = 5, 10  # priorities of later pages and of information; first pages have their severity's level
HIGHEST_PLACE = 32_000


@dataclass(frozen=True)
class Wanted:
    """A page to be made: this run, at this level, wants this person."""

    incident: Incident
    run: Escalation
    level: int
    act: str
    reached: Reached
    everyone: bool = False  # only their own answer ends it
    is_reminder: bool = False


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
            everyone=want.everyone,
            is_reminder=want.is_reminder,
            reason=want.reached.reason[:200],
            created_at=at,
            repeat_at=_next_call(want.incident, at) if _calls(want, calling) else None,
        )
        for want in wanted
    ]
    first = _first_asked(wanted)
    Page.objects.bulk_create(pages)
    Delivery.objects.bulk_create(_deliveries(pages, first, reach, at))
    parts = [Participant(incident=page.incident, user=page.person, why="paged", since=at) for page in pages]
    Participant.objects.bulk_create(parts, ignore_conflicts=True)
    return pages


def _first_asked(wanted: Sequence[Wanted]) -> set[tuple[int, int]]:
    """The pairs of incident and person for whom this is the first page (1 query)."""
    asked = [want for want in wanted if want.act == Act.PAGE]
    pairs = {(want.incident.pk, want.reached.person.pk) for want in asked}
    mine = {"incident__in": {pair[0] for pair in pairs}, "person__in": {pair[1] for pair in pairs}}
    before = Page.objects.filter(**mine, act=Act.PAGE).values_list("incident", "person")
    return pairs - set(before)


def _deliveries(pages: Sequence[Page], first: set[tuple[int, int]], reach: Reach, at: datetime) -> list[Delivery]:
    """Every message of the pages, as their people wish it; one that would double another is bundled into it."""
    wishes = plans.wishes_of({page.person_id for page in pages})
    hours: dict[int, BusinessHours] = {}
    known = _Known(pages, at)
    places: dict[int, int] = {}
    made = []
    for page in pages:
        incident = page.incident
        if incident.severity_id > plans.LAST_NOW and incident.service.team_id not in hours:
            hours[incident.service.team_id] = clocks.business_hours_of(incident.service.team)
        planned = plans.plan(
            page.person,
            wishes.get(page.person_id, plans.NONE),
            reach.methods(page.person),
            incident,
            page.act,
            at,
            hours.get(incident.service.team_id),
        )
        place = places[incident.service_id] = min(places.get(incident.service_id, -1) + 1, HIGHEST_PLACE)
        is_first = (incident.pk, page.person_id) in first
        used: Counter[int] = Counter()
        for one in planned:
            used[one.method.pk] += 1
            number = str(used[one.method.pk])
            row = delivery(page, one.method, at=at, number=number, not_before=one.not_before)
            row.priority, row.place = _priority(page, is_first and one.not_before == at), place
            row.error = f"held until {one.not_before:%a %H:%M} UTC: {one.held}" if one.held else ""
            known.settle(row, page)
            made.append(row)
    known.write()
    return made


class _Known:
    """The messages of these incidents to these people: none is doubled within a minute (O19; 2 queries)."""

    def __init__(self, pages: Sequence[Page], at: datetime) -> None:
        asked = [page for page in pages if page.act == Act.PAGE]
        mine = {
            "page__incident__in": {page.incident_id for page in asked},
            "person__in": {one.person_id for one in asked},
        }
        rows = Delivery.objects.filter(**mine, page__act=Act.PAGE, not_before__gt=at - OFTEN).exclude(
            state__in=[DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.BUNDLED]
        )
        self._rows: dict[tuple[int, int | None], list[Delivery]] = {}
        for row in rows.select_related("page").order_by("pk") if asked else []:
            self._note(row, row.page.incident_id if row.page else 0)
        self._older: list[int] = []

    def settle(self, row: Delivery, page: Page) -> None:
        """A page of the same minute: what waits gives way to the newer one, what has gone out makes it needless."""
        if page.act != Act.PAGE:
            return
        distance = page.incident.scaled(OFTEN)
        near = [
            other
            for other in self._rows.get((page.incident_id, row.method_id), [])
            if abs(other.not_before - row.not_before) < distance
        ]
        if any(other.state != DeliveryState.PENDING or other.pk is None for other in near):
            row.state, row.error = DeliveryState.BUNDLED, "told in the same minute already"
            return
        self._older += [other.pk for other in near]
        self._note(row, page.incident_id)

    def write(self) -> None:
        """Bundle what gave way, unless a sender has taken it meanwhile."""
        older = Delivery.objects.filter(pk__in=self._older, state=DeliveryState.PENDING)
        if self._older:
            older.update(state=DeliveryState.BUNDLED, error="a newer page of the same minute carries it")

    def _note(self, row: Delivery, incident_id: int) -> None:
        self._rows.setdefault((incident_id, row.method_id), []).append(row)


def _priority(page: Page, is_first: bool) -> int:
    """The first message of an incident to a person goes before everything else, by severity; information comes last."""
    level = page.incident.severity_id
    if page.act == Act.INFORM:
        return TOLD + level
    return level if is_first else LATER + level


def _silence_older(wanted: Sequence[Wanted]) -> None:
    """However many levels and rounds ask for a person, one page calls again: the newest of the incident."""
    pairs = {(want.incident.pk, want.reached.person.pk) for want in wanted if want.act == Act.PAGE}
    calling = Page.objects.filter(incident__in={incident for incident, _ in pairs}, repeat_at__isnull=False)
    rows = calling.values_list("pk", "incident", "person") if pairs else []
    older = [pk for pk, incident, person in rows if (incident, person) in pairs]
    if older:
        Page.objects.filter(pk__in=older).update(repeat_at=None)


def _calls(want: Wanted, calling: set[tuple[int, int]]) -> bool:
    """Is this the page of the set that calls this person again for this incident?"""
    pair = (want.incident.pk, want.reached.person.pk)
    if want.act != Act.PAGE or pair in calling:
        return False
    calling.add(pair)
    return True


def delivery(
    page: Page, method: ContactMethod, *, at: datetime, number: str = "1", not_before: datetime | None = None
) -> Delivery:
    """A message of the page on the method, not yet saved. ``number`` tells several on one method apart."""
    severity = page.incident.severity
    return Delivery(
        page=page,
        person_id=page.person_id,
        method=method,
        channel=method.channel,
        address=method.address,
        dedupe_key=f"page:{page.pk}:{method.pk}:{number}",
        priority=_priority(page, is_first=False),
        created_at=at,
        not_before=not_before or at,
        expires_at=(not_before or at) + severity.delivery_expires_after,
    )


def is_under_way(page: Page, at: datetime) -> bool:
    """Is a message of the page still alive? One that a personal rule puts off to later can be brought forward."""
    alive = Delivery.objects.filter(page=page).exclude(state__in=[DeliveryState.FAILED, DeliveryState.CANCELLED])
    alive = alive.exclude(state=DeliveryState.BUNDLED, bundled_into__state=DeliveryState.FAILED)
    if page.incident.severity_id <= plans.LAST_NOW:
        alive = alive.exclude(_put_off(at))
    return alive.exists()


def use_another_way(page: Page, at: datetime) -> bool:
    """Send at once what was put off, else use a method that the page has not used; tell whether there was one."""
    mine = Delivery.objects.filter(page=page)
    later = mine.filter(_put_off(at)).order_by("not_before", "pk").first()
    if later is not None:
        return mine.filter(pk=later.pk, state=DeliveryState.PENDING).update(not_before=at) == 1
    used = set(mine.values_list("method_id", flat=True))
    unused = [method for method in usable_methods([page.person_id]).get(page.person_id, []) if method.pk not in used]
    if not unused:
        return False
    row = delivery(page, unused[0], at=at)
    row.priority = min([row.priority, *mine.values_list("priority", flat=True)])
    row.save(force_insert=True)
    return True


def _put_off(at: datetime) -> Q:
    return Q(state=DeliveryState.PENDING, attempts=0, not_before__gt=at)


def end(pages: QuerySet[Page], *, at: datetime, why: str) -> None:
    """End pages that want no answer any more; what has not gone out yet is cancelled."""
    open_pages = pages.filter(ended_at=None)
    Delivery.objects.filter(page__in=open_pages, state=DeliveryState.PENDING).update(
        state=DeliveryState.CANCELLED, error=why
    )
    open_pages.update(ended_at=at, repeat_at=None)


def acknowledged_by(people: Collection[int], incident: Incident, at: datetime) -> None:
    """Mark the waiting pages of these people for this incident as answered; what has not gone out yet stays in."""
    answered = Page.objects.filter(incident=incident, person__in=people, act=Act.PAGE, acknowledged_at=None)
    Delivery.objects.filter(page__in=answered, state=DeliveryState.PENDING).update(
        state=DeliveryState.CANCELLED, error="answered"
    )
    answered.update(acknowledged_at=at, repeat_at=None)


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
    return due.do_set("repeats", repeating(at), repeat, at)


def repeating(at: datetime) -> QuerySet[Page]:
    """Pages whose next call is due."""
    return Page.objects.filter(repeat_at__lt=at).order_by("repeat_at", "pk")


@transaction.atomic
def repeat(ids: Collection[int], at: datetime) -> int:
    """Call again for those of these pages that still want an answer, their incidents locked first."""
    wanted = Page.objects.filter(pk__in=ids).values("incident")
    locked = Incident.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=wanted).order_by("pk")
    incidents = {incident.pk: incident for incident in locked}
    pages = list(
        repeating(at).filter(pk__in=ids, incident__in=incidents).select_related("incident__severity", "person")
    )
    people = [page.person_id for page in pages]
    methods, wishes = usable_methods(people), plans.wishes_of(people)
    deliveries = []
    for page in pages:
        if not _still_calls(page):
            page.repeat_at = None
            continue
        page.repeats += 1
        page.repeat_at = _next_call(page.incident, at)
        own = methods.get(page.person_id, [])
        calls = [method for method in own if method.channel == Channel.VOICE][:1]
        if not calls:
            wish = wishes.get(page.person_id, plans.NONE)
            planned = plans.plan(page.person, wish, own, page.incident, page.act, at, None)
            calls = [one.method for one in planned if one.not_before == at]
        deliveries += [delivery(page, method, at=at, number=f"r{page.repeats}") for method in calls]
    Delivery.objects.bulk_create(deliveries)
    rewriting.save(pages, ["repeat_at", "repeats"])
    return len(pages)


def _still_calls(page: Page) -> bool:
    """Does its person still have to answer? Somebody else's answer counts, unless everyone's is wanted."""
    incident = page.incident
    if page.ended_at or page.acknowledged_at or not incident.is_open:
        return False
    return not incident.acknowledged or page.everyone or page.is_reminder


def _next_call(incident: Incident, at: datetime) -> datetime | None:
    distance = incident.severity.repeat_call_every
    return at + incident.scaled(distance) if distance else None
