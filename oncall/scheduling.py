"""Make and edit schedules. An edit never changes the past and never takes the turn from whoever has it now.

How a layer goes on after an edit is worked out by ``oncall.planning``; what it was stays on record.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from incidents.refusals import Conflict, Invalid
from oncall import changes, planning, recheck, rosters, rota
from oncall.changes import Change
from oncall.models import Layer, LayerPerson, Restriction, Schedule
from oncall.planning import DAWN, Turns

AHEAD = timedelta(days=28)  # of a preview


@transaction.atomic
def create(schedule: Schedule, layers: Sequence[Turns]) -> Schedule:
    """Save a new schedule with its layers.

    Raises:
        Invalid: two layers share a name.
        ValidationError: one of the values cannot be right.
    """
    _check_names(layers)
    schedule.full_clean()
    schedule.save(force_insert=True)
    for turns in layers:
        _write(schedule, turns)
    recheck.soon()
    return schedule


@transaction.atomic
def edit(
    schedule: Schedule,
    *,
    at: datetime,
    layers: Sequence[Turns] | None = None,
    seen: Collection[int] | None = None,
    **fields: object,
) -> Schedule:
    """Change the schedule from ``at`` on; ``layers`` replaces all of them, None leaves them as they are.

    A layer that keeps its anchor keeps its current turn: it ends when it would have, with the same people, or with
    those who come after them where they are taken out. A new anchor is taken at its word. Layers that are read from
    foreign calendars stay. ``seen`` are the rows from which the wish was made (those of ``editable``); None = any.

    Raises:
        Conflict: the layers are others than those seen.
        Invalid: two layers share a name.
        ValidationError: one of the values cannot be right.
    """
    locked = Schedule.objects.select_for_update(no_key=True).get(pk=schedule.pk)
    for name, value in fields.items():
        setattr(locked, name, value)
    locked.full_clean()
    locked.save()
    if layers is not None:
        if seen is not None and {layer.pk for layer in editable(locked, at)} != set(seen):
            raise Conflict("Somebody else has just changed the layers. Look at them anew, then change them.")
        _check_names(layers, schedule=locked, at=at)
        present = _versions(locked, at)
        for turns in layers:
            _change(locked, present.pop(turns.name, []), turns, at)
        for versions in present.values():
            _end(versions, at)
    recheck.soon()
    return locked


@transaction.atomic
def leave_out(schedule: Schedule, person: int, *, at: datetime) -> None:
    """Take a person out of every layer from ``at`` on; the next one takes over, the others keep their turns.

    A layer that would have nobody ends.
    """
    locked = Schedule.objects.select_for_update(no_key=True).get(pk=schedule.pk)
    for versions in _versions(locked, at).values():
        if any(row.user_id == person for layer in versions for row in layer.people.all()):
            wanted = planning.without([rosters.as_rota(layer) for layer in versions], person, at)
            _end(versions, at)
            for turns in wanted:
                _write(locked, turns)
    recheck.soon()


def preview(schedule: Schedule, layers: Sequence[Turns], *, at: datetime) -> tuple[Change, ...]:
    """Tell which shifts of the next four weeks an edit of that kind would change; nothing is saved.

    Raises:
        Invalid: two layers share a name.
    """
    before, after = imagined(schedule, layers, at=at)
    return changes.between(before, after, at, at + AHEAD)


def imagined(schedule: Schedule, layers: Sequence[Turns], *, at: datetime) -> tuple[rota.Schedule, rota.Schedule]:
    """The schedule as the rota reads it now, and as it would after such an edit (8 queries; a new one has no row yet).

    Raises:
        Invalid: two layers share a name.
    """
    _check_names(layers, schedule=schedule, at=at)
    loaded = rosters.load([schedule.pk]).get(schedule.pk) if schedule.pk else None
    before = loaded or rota.Schedule(schedule.pk or 0, schedule.time_zone)
    if schedule.pk and not loaded:
        return before, before  # a retired one pages nobody, whatever it says
    present = _versions(schedule, at) if schedule.pk else {}
    kept, fresh = {layer.id: layer for layer in before.layers}, []
    for turns in layers:
        versions = [rosters.as_rota(layer) for layer in present.pop(turns.name, [])]
        plan = planning.follow(versions, turns, at)
        if plan is not None:
            _cut(kept, versions, plan[0])
            fresh += plan[1]
    for left_out in present.values():
        _cut(kept, [rosters.as_rota(layer) for layer in left_out], at)
    last = max(kept, default=0)
    new = (planning.as_layer(turns, number) for number, turns in enumerate(fresh, start=last + 1))
    return before, replace(before, layers=(*kept.values(), *new))


def _cut(kept: dict[int, rota.Layer], versions: Sequence[rota.Layer], at: datetime) -> None:
    """What ``_end`` does to rows, done to the rota's layers."""
    for layer in versions:
        if layer.effective_from is not None and layer.effective_from >= at:
            del kept[layer.id]
        elif layer.effective_until is None or layer.effective_until > at:
            kept[layer.id] = replace(kept[layer.id], effective_until=at)


def layers_from(schedule: Schedule, at: datetime) -> list[Layer]:
    """The layers as they are meant from the instant on, loaded with people and restrictions; see ``meant``.

    Those that are read from foreign calendars are left out: nobody edits them.
    """
    return meant(schedule.layers.filter(calendar=None).prefetch_related("people__user", "restrictions"), at)


def editable(schedule: Schedule, at: datetime) -> list[Layer]:
    """Of each layer the version that is meant to last, the most important first: what an edit begins from."""
    rows = sorted(layers_from(schedule, at), key=lambda row: row.effective_from or DAWN)
    last = {layer.name: layer for layer in rows}
    return sorted(last.values(), key=lambda layer: (-layer.priority, layer.pk))


def meant(layers: Iterable[Layer], at: datetime) -> list[Layer]:
    """Those layers that count at the instant or later, the most important first.

    Of one that is about to be followed by another version of itself, that other version.
    """
    counting = [layer for layer in layers if layer.effective_until is None or layer.effective_until > at]
    begins = {(layer.name, layer.effective_from) for layer in counting}
    kept = [layer for layer in counting if (layer.name, layer.effective_until or DAWN) not in begins]
    return sorted(kept, key=lambda layer: (-layer.priority, layer.effective_from or DAWN, layer.pk))


def _check_names(layers: Sequence[Turns], *, schedule: Schedule | None = None, at: datetime | None = None) -> None:
    """Refuse a name that another layer has, one that is read from a foreign calendar included (1 query)."""
    names = [turns.name for turns in layers]
    foreign: set[str] = set()
    if schedule and schedule.pk:
        rows = schedule.layers.exclude(calendar=None).filter(Q(effective_until=None) | Q(effective_until__gt=at))
        foreign = set(rows.values_list("name", flat=True))
    for place, name in enumerate(names):
        if name in names[:place] or name in foreign:
            raise Invalid(f"layers.{place}.name", f"Another layer is called “{name}” already.")


def _versions(schedule: Schedule, at: datetime) -> dict[str, list[Layer]]:
    """The layers that count at the instant or later, by name, each in the order of time; foreign calendars aside."""
    rows = schedule.layers.filter(calendar=None).filter(Q(effective_until=None) | Q(effective_until__gt=at))
    versions: dict[str, list[Layer]] = {}
    for layer in sorted(rows.prefetch_related("people", "restrictions"), key=lambda row: row.effective_from or DAWN):
        versions.setdefault(layer.name, []).append(layer)
    return versions


def _end(versions: Sequence[Layer], at: datetime) -> None:
    """End what is in force at the instant; what would begin later never will."""
    for layer in versions:
        if layer.effective_from is None or layer.effective_from < at:
            if layer.effective_until is None or layer.effective_until > at:
                layer.effective_until = at
                layer.save(update_fields=["effective_until"])
        else:
            layer.delete()


def _change(schedule: Schedule, versions: Sequence[Layer], turns: Turns, at: datetime) -> None:
    plan = planning.follow([rosters.as_rota(layer) for layer in versions], turns, at)
    if plan is not None:
        _end(versions, plan[0])
        for version in plan[1]:
            _write(schedule, version)


def _write(schedule: Schedule, turns: Turns) -> None:
    layer = Layer(
        schedule=schedule,
        name=turns.name,
        priority=turns.priority,
        time_zone=turns.time_zone,
        anchor=turns.anchor,
        unit=turns.unit,
        length=turns.length,
        effective_from=turns.effective_from,
        effective_until=turns.effective_until,
    )
    layer.full_clean()
    layer.save(force_insert=True)
    LayerPerson.objects.bulk_create(
        LayerPerson(layer=layer, slot=slot, user_id=user)
        for slot, people in enumerate(turns.slots, start=1)
        for user in people
    )
    Restriction.objects.bulk_create(
        Restriction(layer=layer, weekday=weekday, start=start, end=end) for weekday, start, end in turns.restrictions
    )
