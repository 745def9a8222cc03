"""Comment on a section, an answer or an action item, answer, resolve: the only module that writes comments."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from incidents.models import Incident, Notice, User
from incidents.refusals import Invalid, TransitionError
from postmortems import reminding
from postmortems.models import ActionItem, Comment, DocumentStatus, Postmortem, Section, Why

LONGEST_TEXT = 10_000  # characters
LONGEST_QUOTE = 300  # characters
MOST = 1000  # comments of one incident

Subject = Section | Why | ActionItem


@dataclass
class Thread:
    """A comment with its answers, the oldest first."""

    first: Comment
    replies: list[Comment] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What it is about, as forms and addresses name it."""
        return key_of(self.first)

    @property
    def name(self) -> str:
        """What it is about, as people name it."""
        first = self.first
        if first.section_id:
            return str(first.section.get_key_display())  # type: ignore[union-attr]
        return f"“{first.why or first.action}”"


def key_of(comment: Comment) -> str:
    """What a thread is about: ``section-lessons``, ``why-12``, ``action-3``; its section is loaded."""
    if comment.section_id:
        return f"section-{comment.section.key}"  # type: ignore[union-attr]
    return f"why-{comment.why_id}" if comment.why_id else f"action-{comment.action_id}"


def threads_of(incident: Incident) -> list[Thread]:
    """Every thread about an incident's postmortem and action items, open ones first (1 query)."""
    rows = Comment.objects.filter(incident=incident)
    rows = rows.select_related("by", "resolved_by", "section", "why", "action").order_by("at", "pk")
    found = list(rows)
    threads = {row.pk: Thread(row) for row in found if row.thread_id is None}
    for row in found:
        if row.thread_id is not None:
            threads[row.thread_id].replies.append(row)
    return sorted(threads.values(), key=lambda thread: not thread.first.is_open)


def by_key(threads: Iterable[Thread]) -> dict[str, list[Thread]]:
    """The threads of each thing."""
    found: dict[str, list[Thread]] = {}
    for thread in threads:
        found.setdefault(thread.key, []).append(thread)
    return found


def blocking(incident_id: int) -> QuerySet[Comment]:
    """Open threads without whose end the postmortem is not published."""
    rows = Comment.objects.filter(incident=incident_id, thread=None, resolved_at=None, is_blocking=True)
    return rows.select_related("by").order_by("pk")


def subject(incident: Incident, key: str) -> Subject | None:
    """What a key means at this incident; None = nothing (1 query)."""
    kind, _, name = key.partition("-")
    if kind == "section":
        return Section.objects.filter(postmortem__incident=incident, key=name).first()
    if not (name.isascii() and name.isdigit() and len(name) < 10):
        return None
    if kind == "why":
        return Why.objects.filter(postmortem__incident=incident, removed_at=None, pk=int(name)).first()
    return ActionItem.objects.filter(incident=incident, pk=int(name)).first() if kind == "action" else None


@transaction.atomic
def begin(
    incident: Incident, about: Subject, *, text: str, quote: str = "", is_blocking: bool = False, by: User, at: datetime
) -> Comment:
    """Begin a thread; whoever wrote what it is about, and the owner, are told.

    Raises:
        Invalid: no words, or too many; a blocking one about what is published.
        TransitionError: there are too many comments.
    """
    text = _words(text)
    document = Postmortem.objects.select_for_update(no_key=True).filter(incident=incident).first()
    if is_blocking and (document is None or document.status == DocumentStatus.PUBLISHED):
        raise Invalid("blocking", "Nothing waits to be published here: comment without blocking.")
    _check_room(incident)
    told = {"section": None, "why": None, "action": None}
    kind = {Section: "section", Why: "why", ActionItem: "action"}[type(about)]
    comment = Comment.objects.create(
        incident=incident,
        text=text,
        quote=" ".join(quote.split())[:LONGEST_QUOTE],
        is_blocking=is_blocking,
        by=by,
        at=at,
        **(told | {kind: about}),
    )
    people = {_author(about), document.owner_id if document else None}
    _tell(comment, people, f"{by} comments on {Thread(comment).name} of {incident.ref}", at)
    return comment


@transaction.atomic
def reply(comment: Comment, *, text: str, by: User, at: datetime) -> Comment:
    """Answer in a thread; everybody who wrote in it is told. A resolved one is open again.

    Raises:
        Invalid: no words, or too many.
        TransitionError: there are too many comments.
    """
    first = _lock(comment)
    text = _words(text)
    _check_room(first.incident)
    if first.resolved_at is not None:
        _set(first, None, None)
    answer = Comment.objects.create(incident=first.incident, thread=first, text=text, by=by, at=at)
    people = {first.by_id, *Comment.objects.filter(thread=first).values_list("by", flat=True)}
    _tell(answer, people, f"{by} answers in a comment on {Thread(first).name} of {first.incident.ref}", at)
    return answer


@transaction.atomic
def resolve(comment: Comment, *, by: User, at: datetime) -> Comment:
    """Say that a thread is done with; whoever began it is told."""
    first = _lock(comment)
    if first.resolved_at is None:
        _set(first, by, at)
        _tell(first, {first.by_id}, f"{by} resolved your comment on {Thread(first).name} of {first.incident.ref}", at)
    return first


@transaction.atomic
def reopen(comment: Comment) -> Comment:
    """Say that a thread is not done with after all."""
    first = _lock(comment)
    _set(first, None, None)
    return first


def _set(first: Comment, by: User | None, at: datetime | None) -> None:
    first.resolved_by, first.resolved_at = by, at
    first.save(update_fields=["resolved_by", "resolved_at"])


def _lock(comment: Comment) -> Comment:
    """The beginning of the thread, after its postmortem: publishing reads the comments under that lock."""
    list(Postmortem.objects.select_for_update(no_key=True).filter(incident=comment.incident_id))
    rows = Comment.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("incident", "section", "why", "action").get(pk=comment.thread_id or comment.pk)


def _words(text: str) -> str:
    if not text.strip():
        raise Invalid("text", "Write what you mean.")
    if len(text) > LONGEST_TEXT:
        raise Invalid("text", f"Keep it to {LONGEST_TEXT:,} characters.")
    return text.strip()


def _check_room(incident: Incident) -> None:
    if Comment.objects.filter(incident=incident).count() >= MOST:
        raise TransitionError(f"{MOST:,} comments are enough. Talk to each other.")


def _author(about: Subject) -> int | None:
    if isinstance(about, Section):
        return about.edited_by_id
    return about.created_by_id if isinstance(about, Why) else about.owner_id


def _tell(comment: Comment, people: Iterable[int | None], words: str, at: datetime) -> None:
    """Write a notice to each of them who still may see the incident, the writer left out."""
    incident = comment.incident
    wanted = User.objects.filter(pk__in={pk for pk in people if pk} - {_writer(comment)}, is_active=True)
    for person in wanted.order_by("pk"):
        if not Incident.objects.visible_to(person).filter(pk=incident.pk).exists():
            continue
        Notice.objects.get_or_create(
            dedupe_key=f"comment:{comment.pk}:{person.pk}:{'done' if comment.resolved_at else 'new'}:{at:%Y%m%d%H%M%S}",
            defaults={
                "person": person,
                "incident": incident,
                "subject": f"{incident.prefix}{words}"[:200],
                "text": f"{words}: {comment}",
                "path": path_of(comment),
                "channels": reminding.CHANNELS,
                "due_at": at,
            },
        )


def _writer(comment: Comment) -> int:
    return comment.resolved_by_id or comment.by_id


def path_of(comment: Comment) -> str:
    """Where it is read: beside its action item, else on the page of comments."""
    action = comment.action_id or (comment.thread.action_id if comment.thread else None)
    if action:
        return f"/action-items/{action}/#comment-{comment.pk}"
    return f"/postmortems/{comment.incident.number}/comments/#comment-{comment.pk}"
