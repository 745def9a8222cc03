"""The dead man's switch: an address that is asked once a minute only while the engine is well.

Whoever watches that address raises the alarm when the asking stops: the one failure that we cannot tell ourselves.
"""

import logging
import urllib.error
import urllib.request
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from incidents import due, pulse
from incidents.models import EngineBeat

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
TIMEOUT_SECONDS = 5.0
TASK = due.Bell("incidents.tasks.ask_dead_man", "bulk")


def ring_due(at: datetime) -> due.Done:
    """Ring for the asking once a minute: the due source ``dead_man``."""
    claimed = waiting(at).update(dead_man_at=at)
    return due.Done(bells={TASK}) if claimed else due.Done()


def waiting(at: datetime) -> QuerySet[EngineBeat]:
    """The engine's row, while an asking is due."""
    if not settings.DEAD_MAN_URL:
        return EngineBeat.objects.none()
    return EngineBeat.objects.filter(Q(dead_man_at=None) | Q(dead_man_at__lte=at - EVERY))


def ask() -> bool:
    """Ask the address unless the engine is in trouble; return whether it answered."""
    troubles = pulse.troubles()
    if not settings.DEAD_MAN_URL or troubles:
        log.warning("the dead man's address is not asked: %s", " ".join(troubles) or "none is set")
        return False
    try:
        with urllib.request.urlopen(settings.DEAD_MAN_URL, timeout=TIMEOUT_SECONDS):  # noqa: S310 (checked at start)
            return True
    except (urllib.error.URLError, OSError) as error:
        log.warning("the dead man's address did not answer: %s", error)
        return False
