"""Lists in pieces: ``{"items", "next"}`` with a cursor that neither repeats nor skips a row when others come in."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from pydantic import BaseModel, Field

from incidents.api.bodies import rfc_3339
from incidents.refusals import Invalid

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)
SALT = "incidents.api.lists"


class Window(BaseModel):
    """Which piece of a list is wanted."""

    limit: int = Field(default=100, ge=1, le=200)
    cursor: str = Field(default="", max_length=1000, description="Taken from “next”; made by the server.")


class Listing(BaseModel, Generic[Item]):
    """One piece of a list; ``next`` is the address of the following piece, or null."""

    items: list[Item]
    next: str | None


def piece(
    request: HttpRequest,
    rows: QuerySet[Row],
    window: Window,
    shape: Callable[[Row], Item],
    *,
    by: Sequence[str] = ("pk",),
) -> Listing[Item]:
    """Return the wanted piece of the rows, ordered by the named fields, the last of them unique.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    salt = f"{SALT}:{request.path}:{','.join(by)}"
    if window.cursor:
        rows = rows.filter(_after(by, _opened(window.cursor, salt)))
    found = list(rows.order_by(*by)[: window.limit + 1])
    shown = found[: window.limit]
    following = _address(request, _position(shown[-1], by), salt) if len(found) > window.limit else None
    return Listing(items=[shape(row) for row in shown], next=following)


def whole(items: list[Item]) -> Listing[Item]:
    """A list that is short by its nature."""
    return Listing(items=items, next=None)


def _after(by: Sequence[str], position: Sequence[Any]) -> Q:
    """Rows that stand behind the position in the lexicographic order of the fields."""
    behind, equal = Q(), Q()
    for name, value in zip(by, position, strict=True):
        field = name.removeprefix("-")
        behind |= equal & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": value})
        equal &= Q(**{field: value})
    return behind


def _position(row: Model, by: Sequence[str]) -> list[Any]:
    values = [getattr(row, name.removeprefix("-")) for name in by]
    return [rfc_3339(value) if isinstance(value, datetime) else value for value in values]


def _address(request: HttpRequest, position: list[Any], salt: str) -> str:
    query = {**request.GET.dict(), "cursor": signing.dumps(position, salt=salt)}
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")


def _opened(cursor: str, salt: str) -> list[Any]:
    try:
        position: list[Any] = signing.loads(cursor, salt=salt)
    except signing.BadSignature:
        raise Invalid("cursor", "This cursor does not belong here. Begin again without one.") from None
    return position
