"""Review a postmortem, publish it once nothing is missing, correct it aloud afterwards."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from incidents import clocks, moves
from incidents.models import EntryKind, Incident, Notice, PostmortemRule, Rule, User
from incidents.refusals import Invalid, TransitionError
from incidents.states import Kind
from postmortems import commenting, editing, library, reminding, revisions, templating, whys
from postmortems.blameless import Check, Hit
from postmortems.causes import Causes
from postmortems.models import (
    ActionItem,
    ActionStatus,
    Comment,
    DocumentStatus,
    Erratum,
    Postmortem,
    Review,
    Section,
    SectionRevision,
    Verdict,
)

MOST_REVIEWERS = 10
MINDED = ("root_cause", "improvements", "lessons")  # sections whose wording is looked at


@dataclass(frozen=True)
class Missing:
    """One thing that stands between a postmortem and its readers. ``place`` is where it is mended."""

    words: str
    place: str  # an anchor of the document, or the name of a page of it: whys, comments


class NotReady(TransitionError):
    """It cannot be published yet; ``missing`` lists everything at once."""

    def __init__(self, missing: list[Missing]) -> None:
        super().__init__("Not published yet. " + " ".join(one.words for one in missing))
        self.missing = missing


@dataclass(frozen=True)
class Held:
    """What the gate looks at beside the tree."""

    sections: Iterable[Section]
    actions: Iterable[ActionItem]
    reviews: Iterable[Review]
    blocking: Iterable[Comment]


def held_of(document: Postmortem) -> Held:
    """Read what the gate looks at (4 queries)."""
    return Held(
        Section.objects.filter(postmortem=document).order_by("position", "pk"),
        ActionItem.objects.filter(incident=document.incident_id).order_by("pk"),
        Review.objects.filter(postmortem=document).select_related("reviewer").order_by("pk"),
        commenting.blocking(document.incident_id),
    )


def missing_of(document: Postmortem, causes: Causes, held: Held | None = None) -> list[Missing]:
    """Everything that is missing, in the order of the document (4 queries, none where ``held`` is read already)."""
    held = held or held_of(document)
    return [
        *_sections(document, held.sections),
        *_causes(document, causes),
        *_actions(document, causes, held.actions),
        *_reviews(held.reviews),
        *_comments(held.blocking),
    ]


def hints_of(sections: Iterable[Section], check: Check) -> list[tuple[str, Hit]]:
    """What the language check says of the sections that look for causes; names in a timeline are facts."""
    return [(section.key, hit) for section in sections if section.key in MINDED for hit in check.hits(section.text)]


def count_hints(document: Postmortem, causes: Causes) -> int:
    """How many hints are open; they never block, and are shown when it is published (3 queries)."""
    check = Check()
    causes.mind(check)
    hints = hints_of(Section.objects.filter(postmortem=document), check)
    return len(hints) + sum(len(node.hits) for node in causes.nodes.values())


def _sections(document: Postmortem, sections: Iterable[Section]) -> Iterator[Missing]:
    if document.incident.is_open:
        yield Missing("The incident is open again: resolve it first.", "summary")
    for section in sections:
        name = section.get_key_display()
        if section.text or not templating.is_required(document, section.key):
            continue
        yield Missing(f"{name} is empty: write it, or say why it does not apply.", section.key)


def _causes(document: Postmortem, causes: Causes) -> Iterator[Missing]:
    required = document.incident.severity.postmortem_rule == PostmortemRule.REQUIRED
    if required and not causes.roots:
        yield Missing("The five whys name no root cause yet.", "whys")
    for node in causes.loose:
        yield Missing(f"“{node.why}” leads nowhere yet: ask again, or mark it as a root cause.", "whys")
    for node in causes.roots:
        if not node.is_addressed:
            yield Missing(f"“{node.why}” has neither an action nor a note why its risk is accepted.", "whys")


def _actions(document: Postmortem, causes: Causes, items: Iterable[ActionItem]) -> Iterator[Missing]:
    found = [item for item in items if item.status != ActionStatus.DROPPED]
    for item in found:
        if item.owner_id is None:
            yield Missing(f"“{item}” has no owner.", "improvements")
    if not found and not document.no_action_because and not any(node.why.accepted_risk for node in causes.roots):
        yield Missing("There is no action item: add one, or say why nothing is to be done.", "improvements")


def _reviews(reviews: Iterable[Review]) -> Iterator[Missing]:
    for review in reviews:
        if review.verdict == Verdict.ASKED:
            yield Missing(f"{review.reviewer} has not answered yet.", "review")
        elif review.verdict == Verdict.CHANGES:
            yield Missing(f"{review.reviewer} asks for changes.", "review")


def _comments(blocking: Iterable[Comment]) -> Iterator[Missing]:
    for comment in blocking:
        yield Missing(f"A comment of {comment.by} blocks it: “{comment}”.", "comments")


@transaction.atomic
def ask_review(document: Postmortem, reviewers: Collection[User], *, by: User, at: datetime) -> Postmortem:
    """Ask people to look at it; whoever was asked before is asked anew.

    Raises:
        Invalid: nobody is named, too many are, or somebody may not see it.
        TransitionError: it is published.
    """
    locked = whys.lock(document)
    if not 0 < len(reviewers) <= MOST_REVIEWERS:
        raise Invalid("reviewers", f"Name 1 to {MOST_REVIEWERS} people.")
    for person in reviewers:
        if not Incident.objects.visible_to(person).filter(pk=locked.incident_id).exists():
            raise Invalid("reviewers", f"{person} has no part in this private incident and could not see it.")
    for person in reviewers:
        fresh = {"verdict": Verdict.ASKED, "asked_by": by, "asked_at": at, "answered_at": None}
        Review.objects.update_or_create(postmortem=locked, reviewer=person, defaults=fresh)
        _tell(locked, person, f"{by} asks you to review the postmortem of {locked.incident.ref}", "asked", at)
    locked.status = DocumentStatus.REVIEW
    locked.save(update_fields=["status"])
    return locked


@transaction.atomic
def answer(document: Postmortem, *, verdict: str, note: str = "", by: User, at: datetime) -> Review:
    """Approve, or say what has to change. Whoever was not asked may answer too.

    Raises:
        Invalid: changes without a word what to change.
        TransitionError: it is published.
    """
    locked = whys.lock(document)
    if verdict not in (Verdict.APPROVED, Verdict.CHANGES):
        raise Invalid("verdict", "Approve it, or ask for changes.")
    if verdict == Verdict.CHANGES and not note.strip():
        raise Invalid("note", "Say what has to change.")
    said = {"verdict": verdict, "note": note.strip(), "answered_at": at}
    review, _ = Review.objects.update_or_create(
        postmortem=locked, reviewer=by, defaults=said, create_defaults={**said, "asked_at": at}
    )
    if locked.owner and locked.owner != by:
        words = "approves" if verdict == Verdict.APPROVED else "asks for changes of"
        _tell(locked, locked.owner, f"{by} {words} the postmortem of {locked.incident.ref}", f"said-{by.pk}", at)
    return review


def _tell(document: Postmortem, person: User, words: str, why: str, at: datetime) -> None:
    incident = document.incident
    Notice.objects.get_or_create(
        dedupe_key=f"review:{document.pk}:{person.pk}:{why}:{at:%Y%m%d%H%M%S}",
        defaults={
            "person": person,
            "incident": incident,
            "subject": f"{incident.prefix}{words}"[:200],
            "text": f"{words}: {incident.title}",
            "path": f"/postmortems/{incident.number}/",
            "channels": reminding.CHANNELS,
            "due_at": at,
        },
    )


@transaction.atomic
def excuse(document: Postmortem, because: str) -> Postmortem:
    """Say why nothing is to be done (R-36); an empty text takes it back.

    Raises:
        TransitionError: it is published.
    """
    locked = whys.lock(document)
    locked.no_action_because = because.strip()[:2000]
    locked.save(update_fields=["no_action_because"])
    return locked


@transaction.atomic
def publish(document: Postmortem, *, by: User, at: datetime) -> Postmortem:
    """Give it to its readers: what is known of the incident is frozen with it, its clock is met.

    Raises:
        NotReady: something is missing; all of it is listed.
        TransitionError: it is published already.
    """
    incident = moves.lock(document.incident, None, at)
    locked = whys.lock(document)
    list(Section.objects.select_for_update(no_key=True).filter(postmortem=locked).order_by("pk"))
    locked.incident = incident
    causes = Causes(locked)
    if missing := missing_of(locked, causes):
        raise NotReady(missing)
    locked.open_hints = count_hints(locked, causes)
    locked.status, locked.published_at, locked.published_by = DocumentStatus.PUBLISHED, at, by
    locked.facts, locked.remind_at = facts_of(incident), None
    locked.save()
    clocks.meet(incident, Rule.POSTMORTEM, at)
    moves.tell(incident, EntryKind.POSTMORTEM, "The postmortem is published.", by, at)
    moves.finish(incident, "published", at)
    return locked


def facts_of(incident: Incident) -> dict[str, object]:
    """What is known of the incident, as plain values that no later change reaches."""
    moments = [asdict(moment) for moment in library.moments_of(incident)]
    return {
        "severity": incident.severity.label,
        "service": str(incident.service),
        "team": str(incident.service.team),
        "detection": incident.get_detection_display(),
        "percent": incident.percent,
        "moments": [
            {
                "label": moment["label"],
                "at": moment["at"].isoformat(),
                "words": f"{moment['at']:%Y-%m-%d %H:%M} UTC",
                "after": moment["after"] and moment["after"].total_seconds(),
            }
            for moment in moments
        ],
        "people": [str(person) for person in library.people_of(incident)],
    }


@transaction.atomic
def correct(section: Section, *, text: str, reason: str, base_version: int, by: User, at: datetime) -> Erratum:
    """Change a published section: readers see that, when and why it was corrected.

    Raises:
        Conflict: the section moved on from ``base_version``.
        Invalid: no reason, or a text that is empty or too long.
        TransitionError: it is not published: edit it instead.
    """
    locked = (
        Section.objects.select_for_update(no_key=True, of=("self",)).select_related("postmortem").get(pk=section.pk)
    )
    if locked.postmortem.status != DocumentStatus.PUBLISHED:
        raise TransitionError("This postmortem is not published yet: edit the section instead.")
    if not reason.strip():
        raise Invalid("reason", "Say what was wrong.")
    if not text.strip() or len(text) > editing.LONGEST_TEXT:
        raise Invalid("text", f"Write 1 to {editing.LONGEST_TEXT:,} characters.")
    if base_version != locked.version:
        raise editing.Conflict(locked, revisions.text_at(locked, base_version), text, at)
    locked.text = text.replace("\r\n", "\n").rstrip()
    locked.version += 1
    locked.edited_by, locked.edited_at = by, at
    locked.save(update_fields=["text", "version", "edited_by", "edited_at"])
    SectionRevision.objects.create(section=locked, version=locked.version, text=locked.text, by=by, at=at)
    return Erratum.objects.create(section=locked, version=locked.version, reason=reason.strip()[:2000], by=by, at=at)


def keep_open(incident: Incident) -> list[str]:
    """Why the incident cannot be closed: its level requires a postmortem that nobody has published (R-08, I33)."""
    if incident.kind != Kind.REAL or incident.severity.postmortem_rule != PostmortemRule.REQUIRED:
        return []
    document = Postmortem.objects.filter(incident=incident).first()
    if document is not None and document.status == DocumentStatus.PUBLISHED:
        return []
    if document is None:
        return ["It needs a postmortem, which is not drafted yet."]
    document.incident = incident
    return [
        f"At {incident.severity} its postmortem is published first.",
        *(one.words for one in missing_of(document, Causes(document))),
    ]
