"""The timeline of an incident: read it, write on it, put an entry right, pin it, give and fetch evidence."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any

from django.core.files.uploadedfile import SimpleUploadedFile
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents import evidence, saying, storytelling, timeline, visibility
from incidents.api import doors
from incidents.api.bodies import Body, Moment
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Attachment, EntryKind, TimelineEntry
from incidents.models.timeline import WRITTEN
from incidents.refusals import Invalid

router = Router(tags=["timeline"])


class NewFile(Body):
    """A file that goes with an entry."""

    name: Annotated[str, Field(min_length=1, max_length=120)]
    content: str = Field(description="The bytes in base64; what they are is seen from them.")


class NewEntry(Body):
    """What a person saw, did or decided."""

    kind: Annotated[str, Field(json_schema_extra={"enum": list(WRITTEN)})] = EntryKind.NOTE.value
    text: Annotated[str, Field(min_length=1, max_length=timeline.LONGEST_TEXT)] = Field(description="Markdown.")
    occurred_at: Moment | None = Field(default=None, description="When it happened; null = now.")
    files: Annotated[list[NewFile], Field(max_length=evidence.MOST)] = []


class Correction(Body):
    """A note or a finding put right."""

    text: Annotated[str, Field(min_length=1, max_length=timeline.LONGEST_TEXT)]
    occurred_at: Moment | None = Field(default=None, description="null = the time stays.")


class Pinned(Body):
    """Whether an entry tells the story."""

    pinned: bool


class FileShape(BaseModel):
    """Evidence."""

    id: int
    name: str
    kind: str = Field(description="Its media type.")
    size: int = Field(description="Bytes.")


class WholeFile(FileShape):
    """Evidence with its bytes."""

    content: str = Field(description="Base64.")


class Entry(BaseModel):
    """One line of the story. It is never changed: a correction is a line of its own that takes its place."""

    id: int
    seq: int
    kind: str
    occurred_at: Moment
    recorded_at: Moment
    actor: str | None = Field(description="The person's e-mail address; null = the system.")
    role: str
    text: str
    pinned: bool
    replaces: int | None = Field(description="seq of the line that this one corrects.")
    corrected_by: str | None
    files: list[FileShape]
    data: dict[str, Any]


def entry_shape(entry: TimelineEntry) -> Entry:
    """A line as the API shows it; its people are loaded."""
    return Entry(
        id=entry.pk,
        seq=entry.seq,
        kind=entry.kind,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        actor=entry.actor.email if entry.actor else None,
        role=entry.role,
        text=entry.text,
        pinned=hasattr(entry, "pin"),
        replaces=entry.data.get("replaces"),
        corrected_by=entry.corrected_by.email if entry.corrected_by else None,
        files=[file_shape(file) for file in entry.attachments.all()],
        data=entry.data,
    )


def file_shape(file: Attachment) -> FileShape:
    """Evidence as the API shows it."""
    return FileShape(id=file.pk, name=file.name, kind=file.kind, size=file.size)


def _files(given: Sequence[NewFile]) -> list[SimpleUploadedFile]:
    found = []
    for place, file in enumerate(given):
        try:
            content = base64.b64decode(file.content, validate=True)
        except (binascii.Error, ValueError):
            raise Invalid(f"files.{place}.content", "This is not base64.") from None
        found.append(SimpleUploadedFile(file.name, content))
    return found


@router.get("/incidents/{int:number}/timeline", response=Listing[Entry], summary="Read the story of an incident")
def list_timeline(request: ApiRequest, number: int, window: Query[Window]) -> Listing[Entry]:
    """In the order in which things happened, whenever they were written down; what was corrected is left out."""
    incident = visibility.incident_for(request.user, number)
    entries = timeline.story(incident).prefetch_related("attachments")
    return piece(request, entries, window, entry_shape, by=("occurred_at", "seq", "pk"))


@router.post("/incidents/{int:number}/timeline", response={201: Entry}, summary="Write on the timeline")
def add_entry(request: ApiRequest, number: int, said: NewEntry) -> Status[Entry]:
    """An “update” also becomes the incident's summary; a “decision” is decided, an “action” begun by you."""
    incident = doors.incident_to_act_on(request, number)
    entry = saying.say(
        incident,
        kind=said.kind,
        text=said.text,
        by=request.user,
        at=request.at,
        occurred_at=said.occurred_at,
        files=_files(said.files),
    )
    return Status(201, entry_shape(entry))


@router.patch("/incidents/{int:number}/timeline/{int:seq}", response=Entry, summary="Put an entry right")
def correct_entry(request: ApiRequest, number: int, seq: int, said: Correction) -> Entry:
    """A note or a finding: a new line takes its place, the old one stays in its history."""
    incident = doors.incident_to_act_on(request, number)
    entry = timeline.correct(
        incident, seq, text=said.text, occurred_at=said.occurred_at, by=request.user, at=request.at
    )
    return entry_shape(entry)


@router.get("/incidents/{int:number}/timeline/{int:seq}/history", response=Listing[Entry], summary="Read its history")
def entry_history(request: ApiRequest, number: int, seq: int) -> Listing[Entry]:
    """The line and those that it replaced, the first one last."""
    incident = visibility.incident_for(request.user, number)
    lines = timeline.history(timeline.everything(incident).get(seq=seq))
    return Listing(items=[entry_shape(line) for line in lines], next=None)


@router.put("/incidents/{int:number}/timeline/{int:seq}/pin", response=Entry, summary="Pin an entry")
def pin_entry(request: ApiRequest, number: int, seq: int, said: Pinned) -> Entry:
    """Take it into the story so far, or out of it."""
    incident = doors.incident_to_act_on(request, number)
    entry = storytelling.pin(incident, seq, pinned=said.pinned, by=request.user, at=request.at)
    return entry_shape(entry)


@router.get("/incidents/{int:number}/evidence/{int:file}", response=WholeFile, summary="Fetch evidence")
def get_evidence(request: ApiRequest, number: int, file: int) -> WholeFile:
    """A file of an entry, with its bytes."""
    incident = visibility.incident_for(request.user, number)
    found = Attachment.objects.get(entry__incident=incident, pk=file)
    with found.file.open() as content:
        told = base64.b64encode(content.read()).decode()
    return WholeFile(**file_shape(found).model_dump(), content=told)
