"""Have coverage looked at anew soon after something was changed that decides who is reached.

A minute later, so that a handful of changes in a row costs one check; on commit, so that no deed waits for another's
row.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from oncall.models import CoverageCheck

SOON = timedelta(minutes=1)


def soon() -> None:
    """Bring the next check forward once the transaction stands; one that is due sooner stays (1 query)."""
    transaction.on_commit(_bring_forward)


def _bring_forward() -> None:
    CoverageCheck.objects.filter(due_at__gt=Now() + SOON).update(due_at=Now() + SOON)
