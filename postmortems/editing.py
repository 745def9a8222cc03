"""Write a section without overwriting one another: each save names the version it began from."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.timesince import timesince

from incidents.models import User
from incidents.refusals import Invalid, Refusal, TransitionError
from postmortems.models import DocumentStatus, Section, SectionRevision

LONGEST_TEXT = 100_000  # characters


class Conflict(Refusal):
    """Somebody else saved the section meanwhile. It carries their row and the text that both began from."""

    def __init__(self, theirs: Section, base: str, at: datetime) -> None:
        by = str(theirs.edited_by) if theirs.edited_by else "Tocsin"
        ago = f"{timesince(theirs.edited_at, at)} ago".replace("\xa0", " ")
        when = "just now" if at - theirs.edited_at < timedelta(minutes=1) else ago
        super().__init__(
            f"{by} saved this section {when}, while you were writing. Your text is below as you typed it and is"
            " not saved yet: bring the two together, then save."
        )
        self.theirs = theirs
        self.base = base

    @property
    def lines(self) -> list[tuple[str, bool]]:
        """Their text line by line; True where the line is not in the text that both began from."""
        known = set(self.base.splitlines())
        return [(line, line not in known) for line in self.theirs.text.splitlines()]


@transaction.atomic
def save_section(section: Section, *, text: str, base_version: int, by: User, at: datetime) -> Section:
    """Save what a person wrote as a new version; a text that is the same as before makes none.

    Raises:
        Conflict: the section moved on from ``base_version`` to another text.
        Invalid: the text is too long.
        TransitionError: the postmortem is published.
    """
    text = _tidy(text)
    if len(text) > LONGEST_TEXT:
        raise Invalid("text", f"This is {len(text):,} characters long; {LONGEST_TEXT:,} fit. Link to the rest instead.")
    locked = _lock(section)
    locked.postmortem.refresh_from_db(fields=["status"])  # it may have been published while we waited for the lock
    if locked.postmortem.status == DocumentStatus.PUBLISHED:
        raise TransitionError("This postmortem was published and is not edited any more. Your text is not saved.")
    if text == locked.text:
        return locked
    if base_version != locked.version:
        raise Conflict(locked, _text_of(locked, base_version), at)
    locked.text, locked.edited_by, locked.edited_at = text, by, at
    locked.version += 1
    locked.save(update_fields=["text", "version", "edited_by", "edited_at"])
    SectionRevision.objects.create(section=locked, version=locked.version, text=text, by=by, at=at)
    return locked


def _tidy(text: str) -> str:
    """Lines end as Postgres and Markdown like them; blank space around the whole is no text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip()


def _lock(section: Section) -> Section:
    rows = Section.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("postmortem", "edited_by").get(pk=section.pk)


def _text_of(section: Section, version: int) -> str:
    revision = SectionRevision.objects.filter(section=section, version=version).first()
    return revision.text if revision else ""
