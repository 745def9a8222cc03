"""The history of a configuration row in words: what was changed, when, and by whom."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from pghistory.core import event_models

from incidents.admin.spans import in_clock_form
from incidents.models import User

LONGEST = 300  # changes shown, the newest
VERBS = {"insert": "Added", "update": "Changed", "delete": "Removed"}
UNKNOWN = object()


@dataclass(frozen=True)
class Branch:
    """Rows that belong to another row: their model, the foreign key that leads up, and what belongs to them."""

    model: type[models.Model]
    up: str
    branches: tuple["Branch", ...] = ()


@dataclass(frozen=True)
class Value:
    """One field before and after, in words; ``old`` is None where the row is new or its past was not kept."""

    label: str
    old: str | None
    new: str


@dataclass(frozen=True)
class Change:
    """One change of one row. ``who`` is empty where no person signed in made it."""

    at: datetime
    who: str
    verb: str
    what: str
    values: tuple[Value, ...]


def changes_of(row: models.Model, branches: Sequence[Branch] = ()) -> list[Change]:
    """The changes of a row and of what belongs to it, newest first (a few queries per kind of row)."""
    events = list(_events(type(row), {"pgh_obj_id": row.pk}, branches))
    events.sort(key=lambda event: (event.pgh_created_at, event.pgh_id))
    names = _Names(events)
    last: dict[tuple[type, Any], Any] = {}
    changes = []
    for event in events:
        key = (type(event), event.pgh_obj_id)
        change = _change(event, last.get(key), names)
        if change.values or event.pgh_label != "update":
            changes.append(change)
        last[key] = event
    return changes[: -LONGEST - 1 : -1]


def is_tracked(model: type[models.Model]) -> bool:
    """Tell whether a history of the model's rows is kept."""
    return bool(event_models(tracks_model=model))


def _events(model: type[models.Model], where: dict[str, Any], branches: Sequence[Branch]) -> Iterator[Any]:
    """Every event of the rows that fit, and of those that ever belonged to them."""
    ids = set()
    tables: list[Any] = event_models(tracks_model=model)
    for table in tables:
        for event in table._default_manager.filter(**where).select_related("pgh_context").order_by("pgh_id"):
            ids.add(event.pgh_obj_id)
            yield event
    for branch in branches if ids else ():
        yield from _events(branch.model, {f"{branch.up}__in": ids}, branch.branches)


def _change(event: Any, before: Any, names: "_Names") -> Change:
    values = []
    for field in _fields(event):
        new = getattr(event, field.attname)
        old = getattr(before, field.attname) if before else UNKNOWN
        if event.pgh_label == "update" and old == new:
            continue
        if event.pgh_label != "update" and new in (None, "", [], {}):
            continue
        known = event.pgh_label == "update" and old is not UNKNOWN
        label = str(field.verbose_name).capitalize()
        values.append(Value(label, names.say(field, old) if known else None, names.say(field, new)))
    model = event.pgh_tracked_model._meta
    what = str(model.verbose_name).capitalize()
    return Change(event.pgh_created_at, names.who(event), VERBS[event.pgh_label], what, tuple(values))


def _fields(event: models.Model) -> Iterable[Any]:
    return [field for field in event._meta.fields if not field.name.startswith("pgh_") and field.name != "id"]


class _Names:
    """The names of all rows that a set of events points to, read in one query per model."""

    def __init__(self, events: Sequence[Any]) -> None:
        wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
        for event in events:
            for field in _fields(event):
                if field.remote_field and getattr(event, field.attname) is not None:
                    wanted[field.related_model].add(getattr(event, field.attname))
            if by := _author(event):
                wanted[User].add(by)
        self.rows = {model: model._default_manager.select_related().in_bulk(list(ids)) for model, ids in wanted.items()}

    def who(self, event: Any) -> str:
        """The person in whose request the change was made."""
        by = _author(event)
        return str(self.rows[User].get(by, "")) if by else ""

    def say(self, field: Any, value: Any) -> str:
        """A field's value as a person reads it."""
        if value in (None, "", [], {}):
            return "empty"
        if field.remote_field:
            return str(self.rows[field.related_model].get(value, f"no. {value}, which is gone"))
        if field.flatchoices:
            return str(dict(field.flatchoices).get(value, value))
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, timedelta):
            return in_clock_form(value)
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M} UTC"
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return str(value)


def _author(event: Any) -> int | None:
    return event.pgh_context.metadata.get("user") if event.pgh_context else None
