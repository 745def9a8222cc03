"""Times as people write them: UTC, forgiving of their notation."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

CLOCK_TIME = re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2}))?$")


class MomentField(forms.CharField):
    """A moment in UTC: empty or “now”, 14:05, 14:05:30, or 2026-03-29 14:05."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=40, **kwargs)

    def clean(self, value: object) -> datetime | None:
        """Return an aware UTC moment, or None for now.

        Raises:
            forms.ValidationError: it is none of these notations.
        """
        text = str(super().clean(value) or "").strip().removesuffix("UTC").strip()
        if text.lower() in {"", "now"}:
            return None
        clock = CLOCK_TIME.match(text)
        try:
            return _today_at(clock) if clock else _moment(text)
        except (ValueError, OverflowError) as error:
            raise forms.ValidationError("Write a time in UTC: 14:05, or 2026-03-29 14:05.") from error


def _today_at(clock: re.Match[str]) -> datetime:
    """The last time the clock showed this: a time that lies ahead today was yesterday's."""
    now = timezone.now().astimezone(UTC)
    moment = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0), microsecond=0)
    return moment - timedelta(days=1) if moment > now + timedelta(minutes=1) else moment


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
