"""What fits into a body: strict JSON, the shapes of its values, and how values are spelled on the way out."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from django.db.models import TextChoices
from django.http import HttpRequest
from ninja.parser import Parser
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from incidents.models import Severity, User
from incidents.refusals import Invalid

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_SPAN = 31 * 24 * 3600  # seconds
LONGEST_TEXT = 20_000  # characters
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SEVERITY = re.compile(r"[Pp]?([0-4])")


class Body(BaseModel):
    """What a caller sends: no field that we do not know, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StrictParser(Parser):
    """JSON as RFC 8259 has it, with text that the database can hold."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return the body.

        Raises:
            Invalid: a text holds NUL.
            ValueError: it is not JSON.
        """
        body = json.loads(request.body, parse_constant=_refuse_constant)
        for path, text in _texts(body):
            if "\0" in text:
                raise Invalid(path, "Leave out the character NUL.")
        return body


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _texts(body: object) -> Iterator[tuple[str, str]]:
    """Every text in a body with the path of its field; without recursion, since a body may be deep."""
    waiting: list[tuple[str, object]] = [("", body)]
    while waiting:
        path, value = waiting.pop()
        below = f"{path}." if path else ""
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, list):
            waiting += [(f"{below}{place}", each) for place, each in enumerate(value)]
        elif isinstance(value, dict):
            yield from ((path, name) for name in value)
            waiting += [(f"{below}{name}", each) for name, each in value.items()]


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not RFC_3339.fullmatch(value):
        raise ValueError("Use a time with an offset, for example 2026-03-29T01:30:00Z.")
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("There is no such time.") from None
    if not EARLIEST <= moment < LATEST:
        raise ValueError("Use a time between the years 1970 and 2200.")
    return moment


def rfc_3339(moment: datetime) -> str:
    """Spell an instant in UTC with Z; fractions of a second appear only where there are any."""
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _one_line(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("Use one line without control characters.")
    return text


def _level(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 4:
        return value
    if isinstance(value, str) and (found := SEVERITY.fullmatch(value)):
        return int(found[1])
    raise ValueError("Use P0, P1, P2, P3 or P4.")


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(rfc_3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-29T01:30:00Z"]}),
]
Seconds = Annotated[int, Field(ge=0, le=LONGEST_SPAN, description="Whole seconds.")]
OneLine = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_one_line)]
Name = Annotated[OneLine, Field(max_length=80)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=50, examples=["checkout-api"])]
Email = Annotated[OneLine, Field(max_length=254, examples=["amira@example.com"])]
Level = Annotated[
    int,
    BeforeValidator(_level),
    WithJsonSchema(
        {"anyOf": [{"enum": ["P0", "P1", "P2", "P3", "P4"]}, {"type": "integer", "minimum": 0, "maximum": 4}]}
    ),
]
Label = Annotated[str, WithJsonSchema({"type": "string", "enum": ["P0", "P1", "P2", "P3", "P4"]})]


@dataclass(frozen=True)
class OneOf:
    """The words of an enumeration and no others: ``Annotated[str, OneOf(Rank)]``."""

    words: type[TextChoices]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Let pydantic check, and OpenAPI list, the words."""
        return core_schema.literal_schema(list(self.words.values))


def seconds(span: timedelta) -> int:
    """Spell a span in whole seconds."""
    return int(span.total_seconds())


def severity(level: int) -> Severity:
    """The level's row, which ships with the product."""
    return Severity.objects.get(level=level)


def person(email: str, field: str) -> User:
    """The active person of an address that a body names.

    Raises:
        Invalid: there is none; ``field`` says where the address stands.
    """
    try:
        return User.objects.get(email__iexact=email, is_active=True)
    except User.DoesNotExist:
        raise Invalid(field, f"There is no active person with the address {email}.") from None
