"""Tasks of the pager: they carry ids only, may run any number of times, and do no harm."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task

from incidents import due, versions
from oncall import foreign, forewarning, leasing, paging, sending
from oncall.models import Channel

HANDS_OF_ALL, HANDS = 6, 3  # tasks that deliver at once in one process: altogether, and on one channel

_of_all = threading.BoundedSemaphore(HANDS_OF_ALL)
_of_channel = {channel: threading.BoundedSemaphore(HANDS) for channel in Channel.values}


@contextmanager
def _hand_for(channel: str) -> Iterator[bool]:
    """Take one of the channel's hands if one is free; who finds none goes home, the next tick rings again.

    So a provider that hangs keeps neither the other channels nor the ticks from a process's threads.
    """
    taken = [hand for hand in (_of_channel[channel], _of_all) if hand.acquire(blocking=False)]
    try:
        yield len(taken) == 2
    finally:
        for hand in taken:
            hand.release()


@shared_task(acks_late=True, ignore_result=True)
def deliver(*, channel: str) -> None:
    """Send what is due on a channel, lease by lease; a full lease asks for another hand at once."""
    if versions.misfit():
        return
    with _hand_for(channel) as free:
        if free:
            _deliver(channel)


def _deliver(channel: str) -> None:
    while (sent := sending.send_due(channel, at=due.database_now())) == leasing.CLAIM:
        due.send([paging.bell(channel)])
    if sent:
        due.doorbell.ring()


@shared_task(acks_late=True, ignore_result=True)
def check_coverage() -> None:
    """Look for holes and warn of them; once more does no harm."""
    if versions.misfit():
        return
    forewarning.check(due.database_now())


@shared_task(acks_late=True, ignore_result=True)
def refresh_calendar(*, calendar: str) -> None:
    """Read one foreign calendar anew; once more does no harm."""
    if versions.misfit():
        return
    foreign.refresh(int(calendar), due.database_now())
