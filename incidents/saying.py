"""What a person says of an incident, by its kind: a note is written down, a decision or an action is done as well."""

from collections.abc import Sequence
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from incidents import deciding, mentions, remedies, timeline
from incidents.models import EntryKind, Incident, Remedy, TimelineEntry, User
from incidents.refusals import Invalid

DONE = (EntryKind.DECISION, EntryKind.ACTION)  # kinds that are deeds with rows of their own


@transaction.atomic
def say(
    incident: Incident,
    *,
    kind: str,
    text: str,
    by: User,
    at: datetime,
    occurred_at: datetime | None = None,
    files: Sequence[UploadedFile] = (),
    key: str = "",
) -> TimelineEntry:
    """Write the entry, and do what its kind says: a decision is decided, an action begun; tell whom it mentions.

    Raises:
        Refusal: as ``timeline.add``, ``deciding.decide`` and ``remedies.start`` refuse.
    """
    if kind not in DONE:
        entry = timeline.add(
            incident, kind=kind, text=text, by=by, at=at, occurred_at=occurred_at, files=files, key=key
        )
        mentions.tell(incident, entry, by=by, at=at)
        return entry
    if files:
        raise Invalid("files", "Files go with a note or a finding.")
    if kind == EntryKind.DECISION:
        deciding.decide(incident, text, by=by, at=at, occurred_at=occurred_at)
    else:
        remedies.start(incident, remedy=Remedy.OTHER, text=text, owner=by, by=by, at=at, occurred_at=occurred_at)
    entry = timeline.story(incident).filter(kind=kind, actor=by).order_by("-seq")[0]
    mentions.tell(incident, entry, by=by, at=at)
    return entry
