"""Heartbeats: a sign of life, the start of a run, its failure; and the word of our own that a sign is missing."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection

from incidents.intake import reading
from incidents.intake.reading import Action, Signal
from incidents.models import Heartbeat, RawEvent

LONGEST_BODY = 100 * 1024  # bytes; whatever a job has to say
KEY = "heartbeat"

# A sign that was sent later counts, in whichever order the signs are worked on.
HEAR = """
    UPDATE incidents_heartbeat SET
        heard_at = CASE WHEN %(sign)s = 'start' THEN heard_at ELSE %(at)s END,
        started_at = CASE WHEN %(sign)s = 'start' THEN %(at)s END,
        missed_at = CASE WHEN %(sign)s = 'start' THEN missed_at END,
        failed_at = CASE WHEN %(sign)s = 'fail' THEN %(at)s WHEN %(sign)s = 'start' THEN failed_at END,
        due_at = CASE WHEN muted THEN NULL WHEN %(sign)s = 'start' THEN %(at)s + grace ELSE %(at)s + period + grace END
    WHERE integration_id = %(integration)s
      AND coalesce(greatest(heard_at, started_at) <= %(at)s, TRUE)
"""


class Sign(StrEnum):
    """What a beat says; it stands in the address, and with the event as its dedup key."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    MISSED = "missed"  # written by us


def check(body: bytes) -> None:
    """Take whatever a job has to say."""


def hear(raws: Sequence[RawEvent]) -> None:
    """Note the signs of life on their heartbeats; the rows of their services are locked."""
    with connection.cursor() as cursor:
        for raw in raws:
            if raw.dedup_key == Sign.MISSED:
                continue
            Heartbeat.objects.get_or_create(integration_id=raw.integration_id)
            said: dict[str, Any] = {
                "sign": raw.dedup_key or Sign.SUCCESS,
                "at": raw.received_at,
                "integration": raw.integration_id,
            }
            cursor.execute(HEAR, said)


def read(raw: RawEvent) -> list[Signal]:
    """What a sign means for the one alert of its heartbeat; one that is muted stays silent."""
    beat = Heartbeat.objects.filter(integration=raw.integration_id).first()
    if raw.dedup_key == Sign.START:
        return []
    if raw.dedup_key in (Sign.FAIL, Sign.MISSED):
        if beat and beat.muted:
            return []
        words = _missed(raw) if raw.dedup_key == Sign.MISSED else _failed(raw)
        return [Signal(Action.TRIGGER, KEY, KEY, summary=words, source=raw.integration.name)]
    return [Signal(Action.RESOLVE, KEY, KEY)]


def _failed(raw: RawEvent) -> str:
    said = reading.line(bytes(raw.body).decode(errors="replace"), 500)
    return f"{raw.integration.name} reports a failure{f': {said}' if said else ''}"


def _missed(raw: RawEvent) -> str:
    since = bytes(raw.body).decode(errors="replace")
    return f"No sign of life from {raw.integration.name} since {since}"


def missed_body(since: datetime) -> bytes:
    """What we write down when a sign is missing."""
    return f"{since:%Y-%m-%d %H:%M:%S} UTC".encode()
