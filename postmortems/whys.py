"""Ask why, again and again: the only module that writes the five whys (R-73, R-74, R-78, C-11)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from incidents.models import TimelineEntry, User
from incidents.refusals import Invalid, StaleVersion, TransitionError
from postmortems import tree
from postmortems.models import (
    Category,
    Confidence,
    DocumentStatus,
    Evidence,
    Joined,
    Postmortem,
    Why,
    WhyKind,
    WhyLink,
)

MOST = 300  # answers of one postmortem
MOST_EVIDENCE = 20  # pieces for one answer
LONGEST_ANSWER = 2000  # characters
LONGEST_QUESTION = 500  # characters
WEB = URLValidator(schemes=["http", "https"])
WENT_WELL = "What went well: what kept it from being worse?"


@dataclass(frozen=True)
class Said:
    """What the authors say about one answer."""

    answer: str
    question: str = ""
    confidence: str = ""
    category: str = ""
    is_root_cause: bool = False
    enough_because: str = ""
    accepted_risk: str = ""
    joined: str = ""

    def tidy(self) -> "Said":
        """Without blank space around any text."""
        texts = {name: value.strip() for name, value in vars(self).items() if isinstance(value, str)}
        return replace(self, **texts)  # type: ignore[arg-type]  # texts alone


def said_of(why: Why) -> Said:
    """What an answer says now, to be changed in part."""
    return Said(**{field.name: getattr(why, field.name) for field in fields(Said)})


def begin(document: Postmortem, *, symptom: str, at: datetime) -> Why:
    """Put the symptom on top of a new tree; the caller has made the postmortem in this transaction."""
    return Why.objects.create(
        postmortem=document, kind=WhyKind.SYMPTOM, answer=symptom[:LONGEST_ANSWER], created_at=at, edited_at=at
    )


@transaction.atomic
def ask(
    document: Postmortem,
    said: Said,
    *,
    under: Collection[int] = (),
    kind: WhyKind = WhyKind.CAUSE,
    by: User,
    at: datetime,
) -> Why:
    """Answer one more why below the named answers, or below the symptom where none is named.

    Raises:
        Invalid: something about the answer cannot be right.
        TransitionError: the postmortem is published, or its tree is full.
    """
    locked = lock(document)
    graph = Graph(locked)
    if len(graph.whys) >= MOST:
        raise TransitionError(f"{MOST} answers are the limit. Remove what leads nowhere, or write a second postmortem.")
    parents = graph.named(under or [graph.symptom.pk])
    depth = 1 + max(graph.depth[parent.pk] for parent in parents)
    if max(graph.all_depths[parent.pk] for parent in parents) >= tree.DEEPEST:
        raise Invalid("parents", f"{tree.DEEPEST} whys deep is the limit. State the root cause, or begin a new branch.")
    said = said.tidy()
    _check(said, kind, depth, locked.target_depth)
    question = said.question or (WENT_WELL if kind == WhyKind.STRENGTH else tree.next_question(parents[0].answer))
    why = Why.objects.create(
        postmortem=locked,
        kind=kind,
        created_by=by,
        created_at=at,
        edited_by=by,
        edited_at=at,
        **{**vars(said), "question": question[:LONGEST_QUESTION]},
    )
    WhyLink.objects.bulk_create([WhyLink(child=why, parent=parent) for parent in parents])
    return why


@transaction.atomic
def edit(
    why: Why,
    said: Said,
    *,
    under: Collection[int] | None = None,
    by: User,
    at: datetime,
    version: int | None = None,
) -> Why:
    """Say it differently; ``under`` moves the answer, and shares it where it names several parents.

    A changed answer is to be read backwards anew.

    Raises:
        Invalid: something about the answer cannot be right, or it would follow from itself.
        StaleVersion: it changed since ``version``.
        TransitionError: the postmortem is published, or the answer was removed.
    """
    graph = Graph(lock(why.postmortem))
    known = graph.standing(why, version)
    if under is not None:
        _move(graph, known, under)
    said = said.tidy()
    _check(said, WhyKind(known.kind), graph.depth[known.pk], graph.document.target_depth)
    if said.answer != known.answer:
        links = WhyLink.objects.filter(child=known) | WhyLink.objects.filter(parent=known)
        links.update(holds_by=None, holds_at=None)
    for name, value in vars(said).items():
        setattr(known, name, value)
    known.version += 1
    known.edited_by, known.edited_at = by, at
    known.save()
    return known


@transaction.atomic
def remove(why: Why, *, by: User, at: datetime) -> Why:
    """Take an answer out of the tree, and with it what follows from it alone; ``restore`` brings all of it back.

    Raises:
        TransitionError: it is the symptom, it was removed already, or the postmortem is published.
    """
    known = Graph(lock(why.postmortem)).standing(why, None)
    if known.kind == WhyKind.SYMPTOM:
        raise TransitionError("The symptom stays: change its words instead.")
    known.removed_at, known.edited_by, known.edited_at = at, by, at
    known.version += 1
    known.save(update_fields=["removed_at", "edited_by", "edited_at", "version"])
    return known


@transaction.atomic
def restore(why: Why, *, by: User, at: datetime) -> Why:
    """Put a removed answer back where it was.

    Raises:
        TransitionError: the postmortem is published.
    """
    lock(why.postmortem)
    known = Why.objects.get(pk=why.pk)
    if known.removed_at is not None:
        known.removed_at, known.edited_by, known.edited_at = None, by, at
        known.version += 1
        known.save(update_fields=["removed_at", "edited_by", "edited_at", "version"])
    return known


@transaction.atomic
def tick(child: Why, parent: Why, *, holds: bool, by: User, at: datetime) -> WhyLink:
    """Say whether “because ``child``, therefore ``parent``” holds.

    Raises:
        Invalid: the one does not follow from the other.
        TransitionError: the postmortem is published.
    """
    lock(child.postmortem)
    link = WhyLink.objects.filter(child=child, parent=parent).first()
    if link is None:
        raise Invalid("parent", "The one answer does not stand below the other.")
    link.holds_by, link.holds_at = (by, at) if holds else (None, None)
    link.save(update_fields=["holds_by", "holds_at"])
    return link


@transaction.atomic
def add_evidence(
    why: Why, *, entry: TimelineEntry | None = None, url: str = "", label: str = "", by: User, at: datetime
) -> Evidence:
    """Say what an answer rests on: an entry of the incident's timeline, or an address.

    Raises:
        Invalid: neither is given, the entry is of another incident, or the address is none.
        TransitionError: the postmortem is published, or there is a lot of evidence already.
    """
    document = lock(why.postmortem)
    if entry is None and not url.strip():
        raise Invalid("url", "Choose an entry of the timeline, or give an address.")
    if entry and entry.incident_id != document.incident_id:
        raise Invalid("entry", "This entry is of another incident.")
    if url.strip():
        _check_address(url.strip())
    if why.evidence.count() >= MOST_EVIDENCE:
        raise TransitionError(f"{MOST_EVIDENCE} pieces of evidence are enough for one answer.")
    said = {"url": url.strip(), "label": label.strip()[:120], "added_by": by, "added_at": at}
    if entry is None:
        return Evidence.objects.create(why=why, **said)
    return Evidence.objects.get_or_create(why=why, entry=entry, defaults=said)[0]


@transaction.atomic
def remove_evidence(evidence: Evidence) -> None:
    """Take a piece of evidence away.

    Raises:
        TransitionError: the postmortem is published.
    """
    lock(evidence.why.postmortem)
    evidence.delete()


@transaction.atomic
def set_target_depth(document: Postmortem, depth: int) -> Postmortem:
    """Say how often “why?” is to be asked.

    Raises:
        Invalid: fewer than 3 or more than 10.
        TransitionError: the postmortem is published.
    """
    locked = lock(document)
    if not tree.SHALLOWEST <= depth <= tree.DEEPEST:
        raise Invalid("target_depth", f"Ask {tree.SHALLOWEST} to {tree.DEEPEST} times.")
    locked.target_depth = depth
    locked.save(update_fields=["target_depth"])
    return locked


def lock(document: Postmortem) -> Postmortem:
    """Lock the postmortem; every deed on its tree and its actions begins here.

    Raises:
        TransitionError: it is published.
    """
    locked = Postmortem.objects.select_for_update(no_key=True).get(pk=document.pk)
    if locked.status == DocumentStatus.PUBLISHED:
        raise TransitionError("This postmortem was published: its whys stay as they are.")
    return locked


class Graph:
    """The answers of a locked postmortem with their links, removed ones included: a circle must not hide there."""

    def __init__(self, document: Postmortem) -> None:
        self.document = document
        self.whys = {why.pk: why for why in Why.objects.filter(postmortem=document).order_by("pk")}
        rows = WhyLink.objects.filter(child__postmortem=document).order_by("pk")
        self.links = list(rows.values_list("child", "parent"))
        self.symptom = next(why for why in self.whys.values() if why.kind == WhyKind.SYMPTOM)
        self.measure()

    def measure(self) -> None:
        """Find the depth of every answer, and of those that can be seen now."""
        self.all_depths = tree.depths(self.symptom.pk, tree.below(self.links))
        seen = [link for link in self.links if not any(self.whys[key].removed_at for key in link)]
        self.depth = tree.depths(self.symptom.pk, tree.below(seen))

    def standing(self, why: Why, version: int | None) -> Why:
        """The answer as it is now.

        Raises:
            StaleVersion: it changed since ``version``.
            TransitionError: it was removed.
        """
        known = self.whys[why.pk]
        if version is not None and version != known.version:
            raise StaleVersion(f"{known.edited_by or 'Somebody'} changed this answer meanwhile: “{known}”. Look again.")
        if known.pk not in self.depth:
            raise TransitionError(f"“{known}” was removed from the tree. Bring it back first.")
        return known

    def named(self, keys: Collection[int]) -> Sequence[Why]:
        """The answers that stand in the tree under these numbers.

        Raises:
            Invalid: there is no such answer, or one that went well, which has no causes.
        """
        found = [self.whys[key] for key in dict.fromkeys(keys) if key in self.depth]
        if not found or len(found) < len(set(keys)):
            raise Invalid("parents", "One of these answers is not in this tree. Load it again.")
        if any(why.kind == WhyKind.STRENGTH for why in found):
            raise Invalid("parents", "What went well is not asked for causes.")
        return found


def _move(graph: Graph, why: Why, under: Collection[int]) -> None:
    """Give an answer other parents; links that stay keep their tick."""
    if why.kind == WhyKind.SYMPTOM:
        if under:
            raise Invalid("parents", "The symptom stands on top: nothing in this tree leads to it.")
        return
    parents = graph.named(under or [graph.symptom.pk])
    wanted = {parent.pk for parent in parents}
    if wanted & set(tree.depths(why.pk, tree.below(graph.links))):
        raise Invalid("parents", _round_words(graph, why, wanted))
    graph.links = [link for link in graph.links if link[0] != why.pk] + [(why.pk, pk) for pk in sorted(wanted)]
    graph.measure()
    if max(graph.all_depths.values()) > tree.DEEPEST:
        raise Invalid("parents", f"There it would be more than {tree.DEEPEST} whys deep.")
    WhyLink.objects.filter(child=why).exclude(parent__in=wanted).delete()
    known = set(WhyLink.objects.filter(child=why).values_list("parent", flat=True))
    WhyLink.objects.bulk_create([WhyLink(child=why, parent_id=pk) for pk in wanted - known])


def _round_words(graph: Graph, why: Why, wanted: Collection[int]) -> str:
    if why.pk in wanted:
        return f"“{why}” cannot be its own cause."
    names = " and ".join(f"“{graph.whys[pk]}”" for pk in sorted(wanted))
    return f"This would run in a circle: {names} leads back to “{why}”. A cause cannot follow from what it causes."


def _check(said: Said, kind: WhyKind, depth: int, target: int) -> None:
    if not said.answer:
        raise Invalid("answer", "Write an answer, in one sentence if you can.")
    if len(said.answer) > LONGEST_ANSWER:
        raise Invalid("answer", f"This is {len(said.answer):,} characters long; {LONGEST_ANSWER:,} fit.")
    if len(said.question) > LONGEST_QUESTION:
        raise Invalid("question", f"Keep the question to {LONGEST_QUESTION} characters.")
    for name, words in (("confidence", Confidence), ("category", Category), ("joined", Joined)):
        if getattr(said, name) and getattr(said, name) not in words.values:
            raise Invalid(name, f"Choose one of: {', '.join(words.values)}.")
    for name in ("enough_because", "accepted_risk"):
        if len(getattr(said, name)) > LONGEST_ANSWER:
            raise Invalid(name, f"Keep it to {LONGEST_ANSWER:,} characters.")
    if said.is_root_cause:
        _check_root(said, kind, depth, target)


def _check_root(said: Said, kind: WhyKind, depth: int, target: int) -> None:
    if kind != WhyKind.CAUSE:
        raise Invalid("is_root_cause", "Only an answer to a why can be a root cause.")
    if not said.category:
        raise Invalid("category", "Say which kind of system condition this is: a root cause is never a person.")
    if depth < target and not said.enough_because:
        raise Invalid("enough_because", f"This is why #{depth} of {target}. Say why it is deep enough, or ask again.")


def _check_address(url: str) -> None:
    try:
        WEB(url)
    except ValidationError:
        raise Invalid("url", "This is no web address. It begins with https:// or http://.") from None
    if len(url) > 500:
        raise Invalid("url", "Keep the address to 500 characters.")
