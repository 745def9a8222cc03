"""Tasks of the pager: they carry ids only, may run any number of times, and do no harm."""

from celery import shared_task

from incidents import due, versions
from oncall import foreign, forewarning, paging, sending


@shared_task(acks_late=True, ignore_result=True)
def deliver(*, channel: str) -> None:
    """Send what is due on a channel, lease by lease; a full lease asks for another hand at once."""
    if versions.misfit():
        return
    while (sent := sending.send_due(channel, at=due.database_now())) == sending.CLAIM:
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
