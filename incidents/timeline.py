"""Write and read an incident's story. The only module that adds timeline entries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from incidents import clocks, live
from incidents.models import EntryKind, Incident, Role, RoleHolder, TimelineEntry, User
from incidents.models.timeline import NOISE, WRITTEN
from incidents.refusals import Invalid

LONGEST_TEXT = 20_000  # characters
NEWEST = 100  # entries shown before “earlier” is asked for


@dataclass
class Line:
    """An entry to be written for an incident that the caller has locked."""

    incident: Incident
    kind: EntryKind
    text: str
    by: User | None = None
    occurred_at: datetime | None = None
    role: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def write(lines: Sequence[Line], *, at: datetime) -> list[TimelineEntry]:
    """Add the lines in order; the caller holds the incidents' locks and saves their ``timeline_seq``.

    Readers of the live pages are told when the transaction commits.
    """
    hats = _hats(lines)
    entries = []
    for line in lines:
        line.incident.timeline_seq += 1
        entries.append(
            TimelineEntry(
                incident=line.incident,
                seq=line.incident.timeline_seq,
                kind=line.kind,
                occurred_at=line.occurred_at or at,
                recorded_at=at,
                actor=line.by,
                role=line.role or hats.get((line.incident.pk, line.by.pk if line.by else 0), ""),
                text=line.text,
                data=line.data,
            )
        )
    TimelineEntry.objects.bulk_create(entries)
    live.announce({line.incident.pk: line.incident.timeline_seq for line in lines})
    return entries


def _hats(lines: Sequence[Line]) -> dict[tuple[int, int], str]:
    """The role that each speaker holds now, by incident and person; of two the first (1 query, when one speaks)."""
    speaking = {line.incident.pk for line in lines if line.by and not line.role}
    if not speaking:
        return {}
    rows = RoleHolder.objects.filter(incident__in=speaking, until=None).values_list("incident", "person", "role")
    order = sorted(rows, key=lambda row: Role.values.index(row[2]), reverse=True)
    return {(incident, person): Role(role).label for incident, person, role in order}


@transaction.atomic
def add(
    incident: Incident,
    *,
    kind: str,
    text: str,
    by: User,
    at: datetime,
    occurred_at: datetime | None = None,
    role: str = "",
) -> TimelineEntry:
    """Write what a person saw, did or decided; ``occurred_at`` may lie in the past.

    Raises:
        Invalid: an empty or endless text, a kind that only the system writes, a time in the future.
    """
    text = text.strip()
    if kind not in WRITTEN:
        raise Invalid("kind", f"“{kind}” is not an entry that people write. Use one of: {', '.join(WRITTEN)}.")
    if not text:
        raise Invalid("text", "Write what you saw, did or decided.")
    if len(text) > LONGEST_TEXT:
        raise Invalid("text", f"This is {len(text)} characters long; {LONGEST_TEXT} fit. Attach the rest elsewhere.")
    if occurred_at and occurred_at > at:
        raise Invalid("occurred_at", "This time lies in the future. Use the time at which it happened.")
    locked = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    line = Line(locked, EntryKind(kind), text, by=by, occurred_at=occurred_at, role=role)
    changed = ["timeline_seq"]
    if kind == EntryKind.UPDATE:
        locked.summary = text
        locked.version += 1
        changed += ["summary", "version"]
        clocks.updated(locked, occurred_at or at)
    [entry] = write([line], at=at)
    locked.save(update_fields=changed)
    return entry


def story(incident: Incident) -> QuerySet[TimelineEntry]:
    """All entries with their people, newest occurrence first."""
    return (
        TimelineEntry.objects.filter(incident=incident).select_related("actor").order_by("-occurred_at", "-seq", "pk")
    )


def page_of(
    incident: Incident,
    *,
    kinds: Sequence[str] = (),
    noise: bool = False,
    before: TimelineEntry | None = None,
    limit: int = NEWEST,
) -> list[TimelineEntry]:
    """The newest entries, or those older than ``before``; deliveries only when asked for (1 query).

    Each says in ``hidden`` how many entries the choice leaves out.
    """
    entries = story(incident).annotate(hidden=_count_hidden(incident, kinds, noise))
    if kinds:
        entries = entries.filter(kind__in=kinds)
    elif not noise:
        entries = entries.exclude(kind__in=NOISE)
    if before is not None:
        entries = entries.filter(occurred_at__lte=before.occurred_at).exclude(
            occurred_at=before.occurred_at, seq__gte=before.seq
        )
    return list(entries[:limit])


def since(incident: Incident, seq: int, limit: int = 200) -> list[TimelineEntry]:
    """Entries recorded after the given number, oldest first: what a reader missed."""
    entries = TimelineEntry.objects.filter(incident=incident, seq__gt=seq).select_related("actor")
    return list(entries.order_by("seq", "pk")[:limit])


def _count_hidden(incident: Incident, kinds: Sequence[str], noise: bool) -> Combinable:
    """How many entries a filter leaves out, as a part of the query for the others."""
    if noise:
        return Value(0)
    entries = TimelineEntry.objects.filter(incident=incident).order_by()
    left_out = entries.exclude(kind__in=kinds) if kinds else entries.filter(kind__in=NOISE)
    counted = left_out.annotate(one=Value(1)).values("one").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)
