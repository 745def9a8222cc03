"""Write the first draft of a postmortem from what the incident left behind: six sections, the timeline filled in."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from incidents import assigning, due, timeline
from incidents.models import EntryKind, Incident, Task, TimelineEntry
from incidents.models.timeline import NOISE, WRITTEN
from incidents.states import Kind, Status
from postmortems import reminding, templating, whys
from postmortems.models import DocumentStatus, Postmortem, Section, SectionKey, SectionRevision

REPAIR_WINDOW = timedelta(days=7)  # how far back a lost hook is looked for
LONGEST_TIMELINE = 500  # entries copied into the draft
LONGEST_LINE = 500  # characters of one entry
LONGEST_STORY = 80_000  # characters of the whole timeline: people must have room to write beside it


def on_move(incident: Incident, move: str, at: datetime) -> None:
    """The hook of the ground floor: a resolved incident has a draft, inside the same transaction."""
    if move == "resolved":
        draft(incident, at=at)
    elif move == "follow_up":
        add_follow_ups(incident, at=at)


@transaction.atomic
def draft(incident: Incident, *, at: datetime) -> Postmortem:
    """Make the draft, or bring the due time of an existing one up to date; texts that people wrote stay."""
    resolved_at = incident.resolved_at or at
    due_at = resolved_at + incident.scaled(incident.severity.postmortem_due)
    version = templating.version_for(incident)
    document, made = Postmortem.objects.get_or_create(
        incident=incident,
        defaults={
            "owner": incident.acknowledged_by or incident.declared_by,
            "due_at": due_at,
            "created_at": at,
            "template_version": version,
        },
    )
    document.due_at, document.incident = due_at, incident
    if incident.kind == Kind.REAL and document.status != DocumentStatus.PUBLISHED:
        document.remind_at = reminding.next_nag(document, after=at)
    document.save(update_fields=["due_at", "remind_at"])
    if not made:
        return document
    texts = {
        SectionKey.SUMMARY: summary_of(incident),
        SectionKey.TIMELINE: timeline_of(incident),
        SectionKey.IMPACT: impact_of(incident),
        SectionKey.ROOT_CAUSE: incident.root_cause,
    }
    for key, said in version.sections.items() if version else ():
        texts[SectionKey(key)] = texts.get(SectionKey(key)) or said["start"]
    if left := follow_ups_of(incident):
        texts[SectionKey.IMPROVEMENTS] = "\n\n".join(filter(None, [texts.get(SectionKey.IMPROVEMENTS), left]))
    sections = Section.objects.bulk_create(
        [
            Section(
                postmortem=document,
                key=key,
                position=position,
                text=texts.get(key, ""),
                edited_at=at,
            )
            for position, key in enumerate(SectionKey, start=1)
        ]
    )
    SectionRevision.objects.bulk_create(
        [SectionRevision(section=section, version=1, text=section.text, at=at) for section in sections]
    )
    whys.begin(document, symptom=symptom_of(incident), at=at)
    line = timeline.Line(
        incident, EntryKind.POSTMORTEM, f"A postmortem draft is ready, due {due_at:%Y-%m-%d %H:%M} UTC."
    )
    timeline.write([line], at=at)
    return document


def summary_of(incident: Incident) -> str:
    """One paragraph that says what happened, for how long, to whom, and what ended it."""
    ended = incident.recovered_at or incident.resolved_at
    length = f" It lasted {in_words(ended - incident.detected_at)}." if ended else ""
    known = "" if incident.affected_percent is not None else " (estimated)"
    parts = [
        f"{incident.severity} on {incident.service}: {_bare(incident.title)}.",
        f"Detected {incident.detected_at:%Y-%m-%d %H:%M} UTC by {incident.get_detection_display().lower()}.{length}",
        f"About {incident.percent} % of users were affected{known}.",
    ]
    if incident.mitigation:
        parts.append(f"What stopped it: {_bare(incident.mitigation)}.")
    return " ".join(parts)


def symptom_of(incident: Incident) -> str:
    """The first answer of the five whys: what users noticed, how far it reached, for how long."""
    ended = incident.recovered_at or incident.resolved_at
    length = f" for {in_words(ended - incident.detected_at)}" if ended else ""
    return f"{_bare(incident.title)}: about {incident.percent} % of users were affected{length}."


def _bare(words: str) -> str:
    """The words as the end of a sentence of ours."""
    return " ".join(words.split()).rstrip(".")


def timeline_of(incident: Incident) -> str:
    """Every event but the deliveries, oldest first, under a heading for each day, one line each, to the minute."""
    entries = timeline.story(incident).exclude(kind__in=NOISE).order_by("occurred_at", "seq")
    days: dict[date, list[str]] = {}
    told = length = 0
    for entry in entries[:LONGEST_TIMELINE]:
        line = f"- {_line(entry)}"
        length += len(line)
        if length > LONGEST_STORY:
            break
        days.setdefault(entry.occurred_at.astimezone(UTC).date(), []).append(line)
        told += 1
    parts = [f"### {day:%A} {day.day} {day:%B %Y}, UTC\n\n" + "\n".join(lines) for day, lines in days.items()]
    left_out = entries.count() - told if told == LONGEST_TIMELINE or length > LONGEST_STORY else 0
    if left_out:
        parts.append(f"{left_out} later entries stand on the page of {incident.ref}.")
    return "\n\n".join(parts)


def _line(entry: TimelineEntry) -> str:
    who = f" {entry.actor}" if entry.actor else ""
    role = f" ({entry.role})" if entry.role else ""
    words = " ".join(entry.text.split())
    if entry.kind not in WRITTEN:  # “Acknowledged by chat.” follows the word Acknowledged
        words = "" if words == f"{entry.kind_label}." else words.removeprefix(f"{entry.kind_label} ")
    text = f": {words[:LONGEST_LINE]}" if words else ""
    more = " …" if len(words) > LONGEST_LINE else ""
    return f"**{entry.occurred_at.astimezone(UTC):%H:%M}** {entry.kind_label}{who}{role}{text}{more}"


def impact_of(incident: Incident) -> str:
    """The figures that are known, as a list to be completed."""
    started = incident.impact_started_at or incident.detected_at
    until = f"{incident.recovered_at:%Y-%m-%d %H:%M} UTC" if incident.recovered_at else "not recorded"
    lines = [
        f"- Users affected: about {incident.percent} %",
        f"- Users were hurt from {started:%Y-%m-%d %H:%M} UTC to {until}",
        f"- Revenue path: {'yes' if incident.service.revenue_path else 'no'}",
    ]
    if incident.workaround:
        lines.append(f"- Workaround: {incident.workaround}")
    return "\n".join(lines)


def follow_ups_of(incident: Incident) -> str:
    """What was marked as a follow-up while people worked, to become action items; empty = nothing was."""
    return _listed(assigning.follow_ups(incident))


def _listed(tasks: Sequence[Task]) -> str:
    lines = []
    for task in tasks:
        came = f": {task.outcome}" if task.outcome else "" if task.done_at else ": not done yet"
        lines.append(f"- {_bare(task.title)} ({task.whose}){came}")
    return "Marked as follow-ups during the incident:\n\n" + "\n".join(lines) if lines else ""


def add_follow_ups(incident: Incident, *, at: datetime) -> None:
    """Add what was marked as a follow-up since the draft was made to its improvements, as a version of its own.

    What people wrote there stays; nothing is added twice, and nothing to a published document.
    """
    rows = Section.objects.select_for_update(of=("self",)).select_related("postmortem")
    section = rows.filter(postmortem__incident=incident, key=SectionKey.IMPROVEMENTS).first()
    if section is None or section.postmortem.status == DocumentStatus.PUBLISHED:
        return
    missing = [task for task in assigning.follow_ups(incident) if f"- {_bare(task.title)} (" not in section.text]
    if not missing:
        return
    section.text = "\n\n".join(filter(None, [section.text, _listed(missing)]))
    section.version += 1
    section.edited_at, section.edited_by = at, None
    section.save(update_fields=["text", "version", "edited_at", "edited_by"])
    SectionRevision.objects.create(section=section, version=section.version, text=section.text, at=at)


def in_words(span: timedelta) -> str:
    """A length of time as people say it: 18 min, 2 h 10 min, 48 h."""
    minutes = round(span.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    if hours and rest:
        return f"{hours} h {rest} min"
    return f"{hours} h" if hours else f"{minutes} min"


def draft_missing(at: datetime) -> due.Done:
    """Draft for each incident that is over and whose hook was lost: the due source ``drafts``.

    One that cannot be drafted rests and stops no other.
    """
    return due.do_set("drafts", undrafted(at), lambda some, at: sum(_draft_one(pk, at) for pk in some), at)


def undrafted(at: datetime) -> QuerySet[Incident]:
    """Incidents that were resolved lately, closed since or not, and have no draft."""
    own = Postmortem.objects.filter(incident=OuterRef("pk"))
    over = (Status.RESOLVED, Status.CLOSED)
    recent = Incident.objects.filter(~Exists(own), status__in=over, resolved_at__gt=at - REPAIR_WINDOW)
    return recent.order_by("resolved_at", "pk")


@transaction.atomic
def _draft_one(pk: int, at: datetime) -> int:
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    incident = rows.select_related("severity", "service").filter(pk=pk).first()
    if incident is None:
        return 0
    draft(incident, at=at)
    incident.save(update_fields=["timeline_seq"])
    return 1
