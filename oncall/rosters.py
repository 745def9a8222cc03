"""Feed the rows of schedules to ``oncall.rota``, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from incidents.models import User
from oncall import rota
from oncall.models import ForeignShift, Layer, LayerPerson, Override, Restriction, Schedule

LAYER = ("pk", "schedule", "name", "priority", "time_zone", "anchor", "unit", "length")
RANGE = ("effective_from", "effective_until", "calendar")
OVERRIDE = ("schedule", "pk", "start", "end", "kind", "person", "replaces")
TEMPORARY = tuple(f"temporaries__{name}" for name in ("pk", "start", "end")) + tuple(
    f"temporaries__shifts__{name}" for name in ("person", "start", "end")
)


def load(schedule_ids: Collection[int], *, since: datetime | None = None) -> dict[int, rota.Schedule]:
    """Return each active schedule as ``rota`` reads it (6 queries, one more where a layer is read from a calendar).

    ``since`` leaves out overrides and layers that ended before: what is asked for that instant or later is the same.
    """
    zones, temporaries = _schedules(schedule_ids)
    layers = _layers(schedule_ids, since)
    overrides = _overrides(schedule_ids, since)
    inactive = dict(User.objects.filter(is_active=False).values_list("pk", "deactivated_at"))
    return {
        pk: rota.Schedule(
            id=pk,
            time_zone=zone,
            layers=tuple(layers[pk]),
            overrides=tuple(overrides[pk]),
            inactive=inactive,
            temporaries=tuple(temporaries[pk]),
        )
        for pk, zone in zones.items()
    }


def as_rota(layer: Layer) -> rota.Layer:
    """Translate one layer with its people and restrictions (both prefetched)."""
    people = sorted(layer.people.all(), key=lambda row: (row.slot, row.pk))
    windows = sorted(layer.restrictions.all(), key=lambda row: row.pk)
    return rota.Layer(
        id=layer.pk,
        name=layer.name,
        priority=layer.priority,
        time_zone=layer.time_zone,
        anchor=datetime.fromisoformat(layer.anchor),
        unit=layer.unit,  # type: ignore[arg-type]
        length=layer.length,
        slots=_slots((row.slot, row.user_id) for row in people),
        restrictions=tuple(rota.Restriction(row.weekday, row.start, row.end) for row in windows),
        effective_from=layer.effective_from,
        effective_until=layer.effective_until,
    )


def _slots(places: Iterable[tuple[int, int]]) -> tuple[rota.Slot, ...]:
    """People by the numbers of their slots, which come in order."""
    slots: dict[int, list[int]] = {}
    for slot, person in places:
        slots.setdefault(slot, []).append(person)
    return tuple(map(tuple, slots.values()))


def _layers(schedule_ids: Collection[int], since: datetime | None) -> dict[int, list[rota.Layer]]:
    own = {"layer__schedule__in": schedule_ids}
    people: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for layer, slot, person in (
        LayerPerson.objects.filter(**own).order_by("slot", "pk").values_list("layer", "slot", "user")
    ):
        people[layer].append((slot, person))
    windows: dict[int, list[rota.Restriction]] = defaultdict(list)
    narrow = Restriction.objects.filter(**own).order_by("pk").values_list("layer", "weekday", "start", "end")
    for layer, weekday, start, end in narrow:
        windows[layer].append(rota.Restriction(weekday, start, end))
    found: dict[int, list[rota.Layer]] = defaultdict(list)
    layers = Layer.objects.filter(schedule__in=schedule_ids).order_by("pk")
    if since:
        layers = layers.exclude(effective_until__lt=since)
    rows = list(layers.values_list(*LAYER, *RANGE))
    written = _written([row[0] for row in rows if row[-1] is not None], since)
    for pk, schedule, name, priority, zone, anchor, unit, length, start, end, _ in rows:
        slots, wall, shifts = _slots(people[pk]), datetime.fromisoformat(anchor), tuple(written[pk])
        row = rota.Layer(pk, name, priority, zone, wall, unit, length, slots, tuple(windows[pk]), start, end, shifts)
        found[schedule].append(row)
    return found


def _written(layer_ids: Collection[int], since: datetime | None) -> dict[int, list[rota.FixedShift]]:
    """The shifts of layers that are read from foreign calendars (1 query, none where there is no such layer)."""
    found: dict[int, list[rota.FixedShift]] = defaultdict(list)
    rows = ForeignShift.objects.filter(layer__in=layer_ids).order_by("start", "pk") if layer_ids else ()
    if since and layer_ids:
        rows = rows.filter(end__gte=since)  # type: ignore[union-attr]
    for row in rows:
        found[row.layer_id].append(rota.FixedShift(row.person_id, row.start, row.end))
    return found


def _overrides(schedule_ids: Collection[int], since: datetime | None) -> dict[int, list[rota.Override]]:
    found: dict[int, list[rota.Override]] = defaultdict(list)
    rows = Override.objects.filter(schedule__in=schedule_ids).order_by("pk")
    if since:
        rows = rows.filter(end__gte=since)
    for schedule, *row in rows.values_list(*OVERRIDE):
        found[schedule].append(rota.Override(*row))
    return found


def _schedules(schedule_ids: Collection[int]) -> tuple[dict[int, str], dict[int, list[rota.Temporary]]]:
    """The time zone of each active schedule, and its temporary schedules."""
    rows = Schedule.objects.filter(pk__in=schedule_ids, is_active=True)
    rows = rows.order_by("pk", "temporaries__pk", "temporaries__shifts__pk")
    zones: dict[int, str] = {}
    spans: dict[int, tuple[int, datetime, datetime]] = {}
    shifts: dict[int, list[rota.FixedShift]] = defaultdict(list)
    for schedule, zone, pk, start, end, person, begins, ends in rows.values_list("pk", "time_zone", *TEMPORARY):
        zones[schedule] = zone
        if pk is not None:
            spans[pk] = (schedule, start, end)
        if person is not None:
            shifts[pk].append(rota.FixedShift(person, begins, ends))
    found: dict[int, list[rota.Temporary]] = defaultdict(list)
    for pk, (schedule, start, end) in spans.items():
        found[schedule].append(rota.Temporary(pk, start, end, tuple(shifts[pk])))
    return zones, found
