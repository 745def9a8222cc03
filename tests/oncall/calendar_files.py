"""Calendar files as other programs write them."""

from datetime import UTC, datetime

from tests.oncall.conftest import DAY

ADA, BEN = 1, 2
PEOPLE = {"ada@example.com": ADA, "ben@example.com": BEN}
START = datetime(2026, 3, 23, tzinfo=UTC)
END = START + 28 * DAY


def calendar(*events):
    body = "\r\n".join(f"BEGIN:VEVENT\r\n{event.strip()}\r\nEND:VEVENT" for event in events).replace("\n    ", "\n")
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Somebody//EN\r\n{body}\r\nEND:VCALENDAR\r\n".encode()


def event(uid="1", start="20260324T080000Z", end="20260324T160000Z", who="ada@example.com", more=""):
    lines = [f"UID:{uid}", "DTSTAMP:20260101T000000Z", f"DTSTART{start if start[0] == ';' else ':' + start}"]
    lines += [f"DTEND{end if end[0] == ';' else ':' + end}"] if end else []
    lines += [f"ATTENDEE:mailto:{who}"] if who else []
    return "\r\n".join([*lines, *([more] if more else [])])
