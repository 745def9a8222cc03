"""Evidence for a line of the timeline: which files are taken, and keeping them. What a file is, its bytes say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from django.core.files.uploadedfile import UploadedFile

from incidents.models import Attachment, TimelineEntry
from incidents.refusals import Invalid

LARGEST = 10 * 1024 * 1024  # bytes of one file
MOST = 8  # files of one entry
FIRST = 4096  # bytes that are looked at
BEGINS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
TAKEN = "Pictures (PNG, JPEG, GIF, WebP), PDF, plain text such as logs, and archives (zip, gzip) are taken"


@dataclass(frozen=True)
class Piece:
    """A file that may be kept."""

    name: str
    kind: str
    content: UploadedFile


def check(files: Sequence[UploadedFile]) -> list[Piece]:
    """Return the files as they may be kept.

    Raises:
        Invalid: too many, an empty one, too large a one, or one of a kind that is not taken; nothing is kept then.
    """
    if len(files) > MOST:
        raise Invalid("files", f"These are {len(files)} files; {MOST} fit one entry. Write another entry for the rest.")
    return [_piece(file) for file in files]


def _piece(file: UploadedFile) -> Piece:
    name = _bare(file.name or "")
    size = file.size or 0
    if not size:
        raise Invalid("files", f"{name} is empty.")
    if size > LARGEST:
        held = f"{size / 1024 / 1024:.1f}"
        raise Invalid("files", f"{name} is {held} MB large; {LARGEST // 1024 // 1024} MB fit. Link to it instead.")
    kind = _kind_of(file.read(FIRST))
    file.seek(0)
    if not kind:
        raise Invalid("files", f"{name} is of a kind that is not taken. {TAKEN}.")
    return Piece(name, kind, file)


def keep(entry: TimelineEntry, pieces: Sequence[Piece]) -> None:
    """Keep the files with the line; the caller's transaction holds."""
    for piece in pieces:
        size = piece.content.size or 0
        Attachment.objects.create(entry=entry, file=piece.content, name=piece.name, kind=piece.kind, size=size)


def _bare(name: str) -> str:
    """The name without folders and control characters."""
    last = PurePath(name.replace("\\", "/")).name
    return "".join(letter for letter in last if letter.isprintable())[-120:] or "file"


def _kind_of(first: bytes) -> str:
    for begin, kind in BEGINS:
        if first.startswith(begin):
            return kind
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return "image/webp"
    return "text/plain" if _is_text(first) else ""


def _is_text(first: bytes) -> bool:
    """UTF-8 without control characters; a letter that the end of the look cuts in two does no harm."""
    try:
        text = first.decode()
    except UnicodeDecodeError as error:
        if len(first) < FIRST or error.start < FIRST - 3:
            return False
        text = first[: error.start].decode()
    return not any(letter < " " and letter not in "\t\n\r\x1b" for letter in text)
