"""Write and read an incident's story. The only module that adds timeline entries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count, Q, QuerySet, Subquery, Value, prefetch_related_objects
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from incidents import clocks, evidence, live
from incidents.models import Attachment, EntryKind, Incident, Pin, Role, RoleHolder, TimelineEntry, User
from incidents.models.timeline import NOISE, WRITTEN, TimelineQuerySet
from incidents.refusals import Conflict, Invalid

LONGEST_TEXT = 20_000  # characters
KEPT = timedelta(days=2)  # how long a browser may hold back an entry and send it again
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


def write(lines: Sequence[Line], *, at: datetime, **more: Any) -> list[TimelineEntry]:
    """Add the lines in order; the caller holds the incidents' locks and saves their ``timeline_seq``.

    Readers of the live pages are told when the transaction commits. ``more`` are further fields of a correction.
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
                **more,
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
    files: Sequence[UploadedFile] = (),
    key: str = "",
) -> TimelineEntry:
    """Write what a person saw, did or decided; ``occurred_at`` may lie in the past.

    ``key`` is the browser's name for the entry: what comes again after a lost answer is not written twice.

    Raises:
        Invalid: an empty or endless text, a kind that only the system writes, a time in the future, unfit files.
    """
    pieces = evidence.check(files)
    text = text.strip() or ", ".join(piece.name for piece in pieces)
    if kind not in WRITTEN:
        raise Invalid("kind", f"“{kind}” is not an entry that people write. Use one of: {', '.join(WRITTEN)}.")
    _check(text, occurred_at, at)
    locked = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    data: dict[str, Any] = {"files": len(pieces)} if pieces else {}
    if key:
        if written := _written_before(locked, key, by, at):
            return written
        data["key"] = key
    line = Line(locked, EntryKind(kind), text, by=by, occurred_at=occurred_at, role=role, data=data)
    changed = ["timeline_seq"]
    if kind == EntryKind.UPDATE:
        locked.summary = text
        locked.version += 1
        changed += ["summary", "version"]
        clocks.updated(locked, occurred_at or at)
    [entry] = write([line], at=at)
    evidence.keep(entry, pieces)
    locked.save(update_fields=changed)
    return entry


@transaction.atomic
def correct(
    incident: Incident, seq: int, *, text: str, by: User, at: datetime, occurred_at: datetime | None = None
) -> TimelineEntry:
    """Put a note or a finding right: a new line takes its place, the old one stays in its history (I26).

    ``occurred_at`` None = the time stays. What belongs to the line, its pin and its files, goes along.

    Raises:
        TimelineEntry.DoesNotExist: there is no such entry.
        Conflict: somebody has corrected it meanwhile.
        Invalid: an entry that tells of a deed, nothing new, an empty or endless text, a time in the future.
    """
    locked = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    rows = TimelineEntry.objects.select_related("actor", "pin", "replaced_by__corrected_by")
    old = rows.get(incident=locked, seq=seq)
    if newer := getattr(old, "replaced_by", None):
        raise Conflict(f"{newer.corrected_by} has corrected it meanwhile: {newer.text[:200]}")
    if not old.is_correctable:
        raise Invalid("text", "Only notes and findings are corrected; this one tells of a deed.")
    text, when = text.strip(), occurred_at or old.occurred_at
    _check(text, occurred_at, at)
    if (text, when) == (old.text, old.occurred_at):
        raise Invalid("text", "Nothing is different yet.")
    data = {**old.data, "replaces": old.seq}
    line = Line(locked, EntryKind(old.kind), text, by=old.actor, occurred_at=when, role=old.role, data=data)
    [entry] = write([line], at=at, replaces=old, corrected_by=by)
    Pin.objects.filter(entry=old).update(entry=entry)
    Attachment.objects.filter(entry=old).update(entry=entry)
    locked.save(update_fields=["timeline_seq"])
    return entry


def history(entry: TimelineEntry) -> list[TimelineEntry]:
    """The line and those that it replaced, the first one last, with their people (1 query)."""
    changed = TimelineEntry.objects.filter(Q(replaces__isnull=False) | Q(replaced_by__isnull=False))
    rows = changed.filter(incident=entry.incident_id).select_related("actor", "corrected_by")
    known = {row.pk: row for row in rows}
    found = [entry]
    while before := known.get(found[-1].replaces_id or 0):
        found.append(before)
    return found


def story(incident: Incident) -> QuerySet[TimelineEntry]:
    """All entries that stand, with their people, newest occurrence first."""
    return everything(incident).standing()


def everything(incident: Incident) -> TimelineQuerySet:
    """The raw log: all entries with their people, those that were corrected too, newest occurrence first."""
    rows = TimelineEntry.objects.filter(incident=incident).select_related("actor", "corrected_by", "pin")
    return rows.order_by("-occurred_at", "-seq", "pk")


@dataclass(frozen=True)
class Wanted:
    """Which entries are to be read: of these kinds, with these words, pinned ones alone, deliveries too."""

    kinds: Sequence[str] = ()
    words: str = ""
    pinned: bool = False
    noise: bool = False

    @property
    def is_all(self) -> bool:
        """Nothing is left out."""
        return self.noise and not (self.kinds or self.words or self.pinned)

    def condition(self) -> Q:
        """As a condition on entries."""
        wanted = Q(pk__isnull=False)
        if self.kinds:
            wanted &= Q(kind__in=self.kinds)
        elif not self.noise:
            wanted &= ~Q(kind__in=NOISE)
        if self.pinned:
            wanted &= Q(pin__isnull=False)
        for word in self.words.split():
            wanted &= Q(text__icontains=word) | Q(actor__name__icontains=word)
        return wanted


EVERYDAY = Wanted()  # all but deliveries


def _written_before(incident: Incident, key: str, by: User, at: datetime) -> TimelineEntry | None:
    lately = TimelineEntry.objects.filter(incident=incident, actor=by, recorded_at__gt=at - KEPT)
    return lately.filter(data__key=key).first()


def _check(text: str, occurred_at: datetime | None, at: datetime) -> None:
    if not text:
        raise Invalid("text", "Write what you saw, did or decided.")
    if len(text) > LONGEST_TEXT:
        raise Invalid("text", f"This is {len(text)} characters long; {LONGEST_TEXT} fit. Attach the rest as a file.")
    if occurred_at and occurred_at > at:
        raise Invalid("occurred_at", "This time lies in the future. Use the time at which it happened.")


def page_of(
    incident: Incident,
    wanted: Wanted = EVERYDAY,
    *,
    oldest_first: bool = False,
    beyond: TimelineEntry | None = None,
    limit: int = NEWEST,
) -> list[TimelineEntry]:
    """The first entries in the wanted order, or those that follow ``beyond`` (1 query, 2 where there are files).

    Each says in ``hidden`` how many entries the choice leaves out.
    """
    entries = story(incident).filter(wanted.condition()).annotate(hidden=_hidden(incident, wanted))
    if oldest_first:
        entries = entries.order_by("occurred_at", "seq", "pk")
    if beyond is not None and oldest_first:
        entries = entries.filter(occurred_at__gte=beyond.occurred_at).exclude(
            occurred_at=beyond.occurred_at, seq__lte=beyond.seq
        )
    elif beyond is not None:
        entries = entries.filter(occurred_at__lte=beyond.occurred_at).exclude(
            occurred_at=beyond.occurred_at, seq__gte=beyond.seq
        )
    return with_files(entries[:limit])


def count_hidden(incident: Incident, wanted: Wanted) -> int:
    """How many entries the choice leaves out (1 query)."""
    return 0 if wanted.is_all else _left_out(incident, wanted).count()


def since(incident: Incident, seq: int, limit: int = 200) -> list[TimelineEntry]:
    """Entries recorded after the given number, oldest first: what a reader missed."""
    entries = TimelineEntry.objects.filter(incident=incident, seq__gt=seq)
    entries = entries.select_related("actor", "corrected_by", "pin")
    return with_files(entries.order_by("seq", "pk")[:limit])


def with_files(rows: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    """The entries with their attachments; where no entry has any, that costs nothing."""
    entries = list(rows)
    prefetch_related_objects([entry for entry in entries if entry.data.get("files")], "attachments")
    return entries


def _left_out(incident: Incident, wanted: Wanted) -> QuerySet[TimelineEntry]:
    return TimelineEntry.objects.filter(incident=incident).standing().exclude(wanted.condition()).order_by()


def _hidden(incident: Incident, wanted: Wanted) -> Combinable:
    """How many entries a choice leaves out, as a part of the query for the others."""
    if wanted.is_all:
        return Value(0)
    counted = _left_out(incident, wanted).annotate(one=Value(1)).values("one")
    return Coalesce(Subquery(counted.annotate(count=Count("pk")).values("count")), 0)
