"""The story so far: which entries of the timeline tell it, and the timeline as a file to take away."""

import csv
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from io import StringIO

from django.db import transaction

from incidents import live, timeline
from incidents.models import Incident, Pin, TimelineEntry, User
from incidents.models.timeline import UNTOLD

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet would run
COLUMNS = (
    *("number", "happened_utc", "written_utc", "kind", "person", "role", "text", "in_the_story"),
    *("corrects", "corrected_by", "files"),
)


@transaction.atomic
def choose(incident: Incident, seqs: Collection[int], *, by: User, at: datetime) -> list[int]:
    """Let exactly these entries tell the story; return their numbers. Open pages are told when it commits."""
    locked = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    wanted = dict(TimelineEntry.objects.filter(incident=locked, seq__in=seqs).standing().values_list("pk", "seq"))
    held = set(Pin.objects.filter(entry__incident=locked).values_list("entry_id", flat=True))
    Pin.objects.filter(entry_id__in=held - wanted.keys()).delete()
    Pin.objects.bulk_create(Pin(entry_id=pk, by=by, at=at) for pk in sorted(wanted.keys() - held))
    live.announce({locked.pk: locked.timeline_seq})
    return sorted(wanted.values())


@transaction.atomic
def pin(incident: Incident, seq: int, *, pinned: bool, by: User, at: datetime) -> TimelineEntry:
    """Take one entry into the story, or out of it.

    Raises:
        TimelineEntry.DoesNotExist: there is no such entry, or a correction has taken its place.
    """
    locked = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    entry = TimelineEntry.objects.standing().get(incident=locked, seq=seq)
    if pinned:
        Pin.objects.get_or_create(entry=entry, defaults={"by": by, "at": at})
    else:
        Pin.objects.filter(entry=entry).delete()
    live.announce({locked.pk: locked.timeline_seq})
    return TimelineEntry.objects.select_related("actor", "pin").get(pk=entry.pk)


def story(incident: Incident) -> list[TimelineEntry]:
    """The entries that tell the story, in the order in which things happened (1 query)."""
    pinned = timeline.story(incident).filter(pin__isnull=False)
    return list(pinned.order_by("occurred_at", "seq"))


def telling(incident: Incident) -> list[TimelineEntry]:
    """Every entry from which a story may be chosen, oldest first, with its pin (1 query)."""
    entries = timeline.story(incident).exclude(kind__in=UNTOLD)
    return list(entries.order_by("occurred_at", "seq"))


def as_csv(incident: Incident) -> Iterator[str]:
    """The whole log, line by line, what was corrected too, in the order in which things happened; times are UTC."""
    yield _row(COLUMNS)
    rows = timeline.everything(incident).prefetch_related("attachments")
    for entry in rows.order_by("occurred_at", "seq").iterator(500):
        said = (_safe(str(entry.actor or "")), _safe(entry.role), _safe(entry.text))
        pinned = "yes" if hasattr(entry, "pin") else ""
        more = (entry.data.get("replaces", ""), _safe(str(entry.corrected_by or "")), _safe(_files(entry)))
        yield _row((entry.seq, _utc(entry.occurred_at), _utc(entry.recorded_at), entry.kind, *said, pinned, *more))


def as_markdown(incident: Incident, *, only_story: bool = False) -> str:
    """The timeline as a document: a heading for each day, a line for each entry."""
    entries = timeline.with_files(story(incident) if only_story else telling(incident))
    lines = [f"# {incident.ref} {incident.title}", "", f"{incident.severity} on {incident.service}. Times are UTC.", ""]
    day = ""
    for entry in entries:
        moment = entry.occurred_at.astimezone(UTC)
        if day != (today := f"{moment:%A} {moment.day} {moment:%B %Y}"):
            lines += [f"## {today}", ""] if not day else ["", f"## {today}", ""]
            day = today
        who = f" {entry.actor}" if entry.actor else ""
        role = f" ({entry.role})" if entry.role else ""
        files = f" [{_files(entry)}]" if entry.data.get("files") else ""
        lines.append(f"- **{moment:%H:%M:%S}** {entry.kind_label}{who}{role}: {' '.join(entry.text.split())}{files}")
    return "\n".join(lines) + "\n"


def _files(entry: TimelineEntry) -> str:
    return ", ".join(file.name for file in entry.attachments.all())


def _row(cells: Collection[object]) -> str:
    written = StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
