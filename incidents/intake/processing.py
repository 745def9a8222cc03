"""The due source of stored events: claim them service by service, make alerts and incidents of them, in sets."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Length

from incidents import due
from incidents.intake import alertmanager, directing, generic, grafana, heartbeat, pagerduty
from incidents.intake.alerts import Alerts, Event, Key
from incidents.intake.reading import Format, Refused, Signal
from incidents.models import Integration, Notice, Organisation, RawEvent, Route, Service, User

READERS = {
    Format.ALERTMANAGER: alertmanager.read,
    Format.PAGERDUTY: pagerduty.read,
    Format.GENERIC: generic.read,
    Format.GRAFANA: grafana.read,
    Format.HEARTBEAT: heartbeat.read,
}
LOOKED_AT = 2000  # waiting events among which each service gets its turn
MOST_BYTES = 32 * 1024 * 1024  # of bodies in one set
MOST_DECLARED = 20  # in one set: their first pages leave before the next set is claimed
MOST_ATTEMPTS = 5


def source() -> due.Source:
    """What ``due.register`` wants."""
    return due.Source("raw_events", do, waiting, Coalesce("not_before", "received_at"))


def do(at: datetime) -> due.Done:
    """Process one set of the events that wait."""
    ids = _next_ids(at)
    if not ids:
        return due.Done()
    return due.Done(rows=due.in_sets(ids, partial(_process, at=at), partial(_blame, at=at)))


def waiting(at: datetime) -> QuerySet[RawEvent]:
    """Accepted events that are still to be processed."""
    rested = Q(not_before=None) | Q(not_before__lte=at)
    return RawEvent.objects.filter(rested, processed_at=None)


def _next_ids(at: datetime) -> list[int]:
    """The oldest events of each service in turn, so that a flood on one delays no other; a set's worth of bytes."""
    found = waiting(at).order_by("pk").annotate(size=Length("body"))
    queues: dict[int, list[tuple[int, int]]] = {}
    for pk, service_id, size in found.values_list("pk", "integration__service_id", "size")[:LOOKED_AT]:
        queues.setdefault(service_id, []).append((pk, size))
    ids: list[int] = []
    held = 0
    for pk, size in islice(_in_turn(queues), due.BATCH):
        held += size
        if ids and held > MOST_BYTES:
            break
        ids.append(pk)
    return ids


def _in_turn(queues: dict[int, list[tuple[int, int]]]) -> Iterator[tuple[int, int]]:
    iterators = [iter(queue) for queue in queues.values()]
    while iterators:
        left = []
        for iterator in iterators:
            for one in islice(iterator, 1):
                yield one
                left.append(iterator)
        iterators = left


@transaction.atomic
def _process(ids: Sequence[int], *, at: datetime) -> int:
    """Process those of the events whose service no other tick works on, in the given order."""
    wanted = RawEvent.objects.filter(pk__in=ids, processed_at=None)
    free, routes = _lock_services(wanted)
    claimed = wanted.filter(integration__in=free).select_related("integration__service__team")
    by_pk = {raw.pk: raw for raw in claimed}
    raws = [by_pk[pk] for pk in ids if pk in by_pk]
    events, done = _read(raws, routes, at)
    events = _without_followers(events, at)
    if not events:
        _note(done, at)
        return len(done)
    alerts = Alerts(events, at)
    for event in events:
        if alerts.declared >= MOST_DECLARED:
            break
        alerts.take(event)
        done.append((event.raw, json.dumps(event.outcome), ""))
    alerts.write()
    _note(done, at)
    return len(done)


Judged = tuple[RawEvent, str, str]  # the event, its outcome as JSON, why it was rejected


def _lock_services(wanted: QuerySet[RawEvent]) -> tuple[list[int], dict[int, list[Route]]]:
    """Lock every service to which an alert of these events may belong.

    Returns the integrations of which all are ours, and the routes of those that have any.
    """
    rows = Integration.objects.filter(pk__in=wanted.values("integration"))
    needed: dict[int, set[int]] = {}
    routed = set()
    for pk, own, elsewhere, route in rows.values_list("pk", "service_id", "routes__service_id", "routes__pk"):
        needed.setdefault(pk, {own}).update({elsewhere} - {None})
        routed |= {pk} if route else set()
    services = Service.objects.select_for_update(no_key=True, skip_locked=True).filter(
        pk__in=set().union(*needed.values())
    )
    locked = set(services.order_by("pk").values_list("pk", flat=True))
    free = [pk for pk, mine in needed.items() if mine <= locked]
    return free, _routes_of(routed.intersection(free))


def _routes_of(integrations: set[int]) -> dict[int, list[Route]]:
    routes: dict[int, list[Route]] = {}
    if integrations:
        rows = Route.objects.filter(integration__in=integrations, is_active=True)
        for route in rows.select_related("service__team", "severity").order_by("place", "pk"):
            routes.setdefault(route.integration_id, []).append(route)
    return routes


def _read(
    raws: Sequence[RawEvent], routes: Mapping[int, Sequence[Route]], at: datetime
) -> tuple[list[Event], list[Judged]]:
    """What the events say; those that say nothing of alerts are done with."""
    events: list[Event] = []
    done: list[Judged] = []
    heartbeat.hear([raw for raw in raws if raw.format == Format.HEARTBEAT])
    for raw in raws:
        if raw.format == Format.CHANGE:
            done.append((raw, '{"change recorded": 1}', ""))
            continue
        try:
            events.append(directing.directed(raw, signals_of(raw), routes.get(raw.integration_id, ())))
        except Refused as refusal:
            done.append((raw, "{}", f"It cannot be read: {json.dumps(refusal.body)}"[:2000]))
    return events, done


def signals_of(raw: RawEvent) -> list[Signal]:
    """What a stored event says.

    Raises:
        Refused: nobody can read it.
    """
    return READERS[Format(raw.format)](raw)


def _without_followers(events: Sequence[Event], at: datetime) -> list[Event]:
    """Leave out what must wait for an earlier event of its key that failed and rests: a resolve after its trigger."""
    resting = RawEvent.objects.filter(processed_at=None, not_before__gt=at).select_related("integration__service")
    resting = resting.filter(integration__in={event.raw.integration_id for event in events})
    held: dict[Key, tuple[int, datetime]] = {}
    for raw in resting.order_by("pk"):
        for key in _keys_of_resting(raw):
            held.setdefault(key, (raw.pk, raw.not_before or at))
    if not held:
        return list(events)
    free: list[Event] = []
    for event in events:
        until = [rests[1] for key in event.keys if (rests := held.get(key)) and rests[0] < event.raw.pk]
        if until:
            RawEvent.objects.filter(pk=event.raw.pk).update(not_before=max(until))
        else:
            free.append(event)
    return free


def _keys_of_resting(raw: RawEvent) -> set[Key]:
    """What the event is about; one that nobody can read holds nobody up."""
    try:
        return Event(raw, signals_of(raw)).keys
    except Exception:
        return set()


def _note(done: Sequence[Judged], at: datetime) -> None:
    """Mark the events as processed, each with what was made of it."""
    if not done:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE incidents_rawevent AS raw
            SET processed_at = greatest(%s, received_at), outcome = made.outcome::jsonb, rejected_because = made.why
            FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS made (id, outcome, why)
            WHERE raw.id = made.id
            """,
            [at, [raw.pk for raw, _, _ in done], [outcome for _, outcome, _ in done], [why for _, _, why in done]],
        )


@transaction.atomic
def _blame(pk: int, error: Exception, *, at: datetime) -> None:
    """Count a failure; after the last the event is rejected, its body kept, and somebody told."""
    due.blame_row(RawEvent, pk, error, at)
    raw = RawEvent.objects.select_related("integration__service__team").filter(pk=pk, processed_at=None).first()
    if raw is None or raw.attempts < MOST_ATTEMPTS:
        return
    raw.processed_at, raw.rejected_because = at, f"It failed {raw.attempts} times: {raw.last_error}"
    raw.save(update_fields=["processed_at", "rejected_because"])
    _tell_of_rejected(raw, at)


def _tell_of_rejected(raw: RawEvent, at: datetime) -> None:
    service = raw.integration.service
    fallback = service.team.fallback_id or Organisation.objects.values_list("fallback", flat=True).first()
    person = User.objects.filter(pk=fallback, is_active=True).first() if fallback else None
    if person is None:
        return
    Notice.objects.create(
        person=person,
        subject=f"An event for {service} could not be used"[:200],
        text=f"Event {raw.pk} of {raw.integration.name} failed {raw.attempts} times and was set aside. Look at its "
        f"source: something may be wrong that nobody is paged for. Error: {raw.last_error[:500]}",
        due_at=at,
        dedupe_key=f"event-rejected:{raw.pk}",
    )
