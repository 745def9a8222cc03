"""Tasks of the library: they carry ids only, may run any number of times, and do no harm."""

from celery import shared_task

from incidents import due, versions
from postmortems import tracking


@shared_task(acks_late=True, ignore_result=True)
def exchange_issue(*, issue: str) -> None:
    """Make one issue in its tracker, or look at it."""
    if versions.misfit():
        return
    tracking.exchange(int(issue), due.database_now())
