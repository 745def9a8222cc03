"""Read a foreign calendar in a process of its own, which is ended when it takes too long or too much.

What repeats can be written so that no library ever comes to its end; no worker waits for that.
"""

import contextlib
import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from oncall import imported, rota
from oncall.imported import Reading, Unusable

SECONDS = 20
MEMORY = 1 << 30  # bytes
HOUSE = Path(__file__).parent.parent


def read(body: bytes, people: Mapping[str, int], zone: str, start: datetime, end: datetime) -> Reading:
    """Do what ``imported.read`` does, within limits.

    Raises:
        Unusable: it is no calendar, or unfolds without measure.
    """
    asked = {"people": dict(people), "zone": zone, "start": start.isoformat(), "end": end.isoformat()}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "oncall.unfolding"],
            input=json.dumps(asked).encode() + b"\n" + body,
            capture_output=True,
            timeout=SECONDS,
            cwd=HOUSE,
            env={},  # nothing of the house's secrets
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise Unusable(f"Its events cannot be unfolded within {SECONDS:g} seconds and a gigabyte.") from None
    said = json.loads(done.stdout)
    if said["unusable"]:
        raise Unusable(said["unusable"])
    moments = ((person, *map(datetime.fromisoformat, span)) for person, *span in said["shifts"])
    return Reading(tuple(rota.FixedShift(*one) for one in moments), tuple(said["unknown"]))


def answer(asked: dict[str, Any], body: bytes) -> dict[str, object]:
    """The reading as it travels between the processes."""
    start, end = (datetime.fromisoformat(asked[name]) for name in ("start", "end"))
    try:
        reading = imported.read(body, asked["people"], asked["zone"], start, end)
    except Unusable as trouble:
        return {"unusable": str(trouble)}
    shifts = [(one.person, one.start.isoformat(), one.end.isoformat()) for one in reading.shifts]
    return {"unusable": "", "shifts": shifts, "unknown": reading.unknown}


if __name__ == "__main__":
    with contextlib.suppress(ValueError, OSError):  # where the house itself lives under stricter limits
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    header, _, sent = sys.stdin.buffer.read().partition(b"\n")
    sys.stdout.write(json.dumps(answer(json.loads(header), sent)))
