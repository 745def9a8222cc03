"""Write a section without overwriting one another: each save names the version it began from.

What two people wrote at different places is brought together; what contradicts itself is theirs to decide, and what was
typed is kept beside the section meanwhile.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.timesince import timesince

from incidents.models import User
from incidents.refusals import Invalid, Refusal, TransitionError
from postmortems import merging, revisions
from postmortems.merging import Hunk, Pick
from postmortems.models import DocumentStatus, Section, SectionRevision, SideText

LONGEST_TEXT = 100_000  # characters


class Conflict(Refusal):
    """Somebody else changed the same lines meanwhile. It carries their row, and the three texts in hunks."""

    def __init__(self, theirs: Section, base: str | None, mine: str, at: datetime) -> None:
        by = str(theirs.edited_by) if theirs.edited_by else "Tocsin"
        ago = f"{timesince(theirs.edited_at, at)} ago".replace("\xa0", " ")
        when = "just now" if at - theirs.edited_at < timedelta(minutes=1) else ago
        super().__init__(
            f"{by} saved this section {when}, and changed lines that you changed too. Your text is kept as you typed it"
            " and is not in the document yet: choose for each place, or write it together, then save."
        )
        self.theirs = theirs
        self.base = base or ""
        known = merging.merge(self.base, mine, theirs.text)
        unknown = [Hunk((), tuple(mine.split("\n")), tuple(theirs.text.split("\n")))]
        self.hunks: list[Hunk] = known if base is not None else unknown  # nothing is taken for granted

    def because(self, words: str) -> "Conflict":
        """The same conflict, refused for another reason."""
        self.args = (words,)
        return self

    @property
    def merged(self) -> str | None:
        """Both texts brought together, where nothing is to be decided."""
        return None if self.places else merging.compose(self.hunks)

    @property
    def places(self) -> list[Hunk]:
        """What a person has to decide, in the order of the text."""
        return merging.conflicts(self.hunks)


@transaction.atomic
def save_section(
    section: Section, *, text: str, base_version: int, by: User, at: datetime, together: bool = True
) -> Section:
    """Save what a person wrote as a new version; a text that is the same as before makes none.

    When the section moved on from ``base_version``, both texts are brought together where they do not contradict each
    other: the text of the row returned is then another one than ``text``. Not so where ``together`` is false.

    Raises:
        Conflict: both changed the same lines, or nobody knows from which text the writing began.
        Invalid: the text is too long.
        TransitionError: the postmortem is published.
    """
    text = tidy(text)
    _check_length(text)
    locked = _lock(section)
    locked.postmortem.refresh_from_db(fields=["status"])  # it may have been published while we waited for the lock
    if locked.postmortem.status == DocumentStatus.PUBLISHED:
        raise TransitionError("This postmortem was published and is not edited any more. Your text is not saved.")
    if base_version != locked.version and text != locked.text:
        text = _bring_together(locked, text, base_version, at, together)
    SideText.objects.filter(section=locked, by=by).delete()
    if text == locked.text:
        return locked
    locked.text, locked.edited_by, locked.edited_at = text, by, at
    locked.version += 1
    locked.save(update_fields=["text", "version", "edited_by", "edited_at"])
    SectionRevision.objects.create(section=locked, version=locked.version, text=text, by=by, at=at)
    revisions.thin_out(locked, at)
    return locked


@transaction.atomic
def keep_aside(section: Section, *, text: str, base_version: int, by: User, at: datetime) -> SideText:
    """Keep what somebody typed and could not save, in place of what was kept for them before."""
    said = {"text": text[: 2 * LONGEST_TEXT], "base_version": base_version, "at": at}
    kept, _ = SideText.objects.update_or_create(section=section, by=by, defaults=said)
    return kept


@transaction.atomic
def drop_aside(section: Section, *, by: User) -> None:
    """Throw away what was kept for a person; they asked for it."""
    SideText.objects.filter(section=section, by=by).delete()


def decide(section: Section, *, mine: str, began: int, base_version: int, picks: Mapping[int, Pick]) -> str:
    """The text of a conflict whose places a person has decided; ``picks`` = place (from 0) -> whose lines.

    ``began`` is the version from which the writing began, ``base_version`` the one with which it was compared.

    Raises:
        Invalid: a place is not decided.
    """
    theirs = revisions.text_at(section, base_version)
    base = revisions.text_at(section, began)
    shown = Section(text=theirs or "", edited_at=section.edited_at, edited_by=section.edited_by)
    try:
        return merging.compose(Conflict(shown, base, tidy(mine), section.edited_at).hunks, picks)
    except KeyError as missing:
        raise Invalid("text", f"Choose whose lines to take at place {int(missing.args[0]) + 1} too.") from missing


def conflict_of(section: Section, *, mine: str, began: int, at: datetime) -> Conflict:
    """The conflict of a text with the section as it stands (2 queries)."""
    theirs = Section.objects.select_related("edited_by").get(pk=section.pk)
    return Conflict(theirs, revisions.text_at(theirs, began), tidy(mine), at)


def tidy(text: str) -> str:
    """Lines end as Postgres and Markdown like them; blank space around the whole is no text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip()


def _check_length(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise Invalid("text", f"This is {len(text):,} characters long; {LONGEST_TEXT:,} fit. Link to the rest instead.")


def _bring_together(locked: Section, text: str, base_version: int, at: datetime, together: bool) -> str:
    base = revisions.text_at(locked, base_version)
    conflict = Conflict(locked, base, text, at)
    if conflict.merged is None or not together:
        raise conflict
    _check_length(conflict.merged)
    return conflict.merged


def _lock(section: Section) -> Section:
    rows = Section.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("postmortem", "edited_by").get(pk=section.pk)
