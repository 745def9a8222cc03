"""Spans of time as administrators write them: hours:minutes:seconds, never below zero, never in doubt."""

import re
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

CLOCK_FORM = re.compile(r"(?:(?P<days>\d{1,4}) )?(?P<hours>\d{1,4}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)")


def in_clock_form(span: timedelta) -> str:
    """The span as the field reads it, such as 0:05:00 or 48:00:00."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def in_words(span: timedelta) -> str:
    """The span as a person says it, such as 5 min or 1 h 30 min."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if number]
    return " ".join(parts) or "0 s"


class SpanField(forms.DurationField):
    """A span in clock form. Django's own field takes 15 for seconds and 1:30 for 90 of them: too easily 15 minutes."""

    def prepare_value(self, value: Any) -> Any:
        """Show what the field itself would read."""
        return in_clock_form(value) if isinstance(value, timedelta) and value >= timedelta(0) else value

    def to_python(self, value: Any) -> timedelta | None:
        """Read the clock form.

        Raises:
            ValidationError: it is negative, or in any other form.
        """
        if value in self.empty_values:
            return None
        if isinstance(value, timedelta):
            return value
        text = str(value).strip()
        if text.startswith("-"):
            raise ValidationError("A span cannot be negative. Write hours:minutes:seconds, for example 0:05:00.")
        found = CLOCK_FORM.fullmatch(text)
        if found is None:
            raise ValidationError(
                f"“{text}” is not clear. Write hours:minutes:seconds: 0:05:00 is five minutes, 48:00:00 is two days."
            )
        return timedelta(**{unit: int(number) for unit, number in found.groupdict(default="0").items()})
