"""Commands typed into the composer: ``/task @lee check the pool 10m``, ``/sev p1 because all cards fail``."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from django.urls import reverse

from incidents import mentions
from incidents.models import Incident

COMMAND = re.compile(r"/(task|sev|decision|action|update)\b\s*(.*)", re.DOTALL)
MINUTES = re.compile(r"\s+(\d{1,4})\s*m(?:in)?\s*$")
LEVEL = re.compile(r"p?([0-4])\b\s*(?:because\b)?\s*(.*)", re.DOTALL | re.IGNORECASE)
OWNER = re.compile(r"@\S+\s*")


def form_of(incident: Incident, text: str) -> str | None:
    """The address of the form that a command means, filled with what was said; None = it is no command."""
    found = COMMAND.fullmatch(text.strip())
    if found is None:
        return None
    name, said = READ[found[1]](found[2].strip())
    return f"{reverse(name, args=[incident.number])}?{urlencode(said)}"


def _task(rest: str) -> tuple[str, dict[str, object]]:
    said: dict[str, object] = {}
    if minutes := MINUTES.search(rest):
        said["within"], rest = int(minutes[1]), rest[: minutes.start()]
    if people := mentions.meant(rest):
        said["owner"] = people[0].pk
        rest = OWNER.sub("", rest, count=1)
    return "incidents:hand-out", {"title": rest.strip()[:200], **said}


def _severity(rest: str) -> tuple[str, dict[str, object]]:
    found = LEVEL.fullmatch(rest)
    return "incidents:change-severity", {"to": found[1], "reason": found[2].strip()[:2000]} if found else {
        "reason": rest[:2000]
    }


READ: dict[str, Callable[[str], tuple[str, dict[str, object]]]] = {
    "task": _task,
    "sev": _severity,
    "decision": lambda rest: ("incidents:decision", {"text": rest[:1000]}),
    "action": lambda rest: ("incidents:start-action", {"text": rest[:300]}),
    "update": lambda rest: ("incidents:post-update", {"conditions": rest[:400]}),
}
