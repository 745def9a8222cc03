"""What each person wishes to hear of their shifts, and by which ways."""

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta

from django.db import transaction

from incidents.models import User
from incidents.refusals import Invalid
from oncall import rota
from oncall.models import ShiftWish

LONGEST = timedelta(days=7)


def of(people: Collection[int]) -> dict[int, ShiftWish]:
    """Everybody's wishes, the defaults for who has none (1 query)."""
    rows = ShiftWish.objects.in_bulk(people)
    return {pk: rows.get(pk) or ShiftWish(user_id=pk) for pk in people}


@transaction.atomic
def set_wishes(
    person: User,
    *,
    soon: timedelta | None,
    moved: bool,
    handoff: bool,
    swaps: bool,
    daily_at: time | None,
    channels: Sequence[str],
    at: datetime,
) -> ShiftWish:
    """Replace a person's wishes.

    Raises:
        Invalid: the span before a shift is none, or longer than a week.
    """
    if soon is not None and not timedelta(0) < soon <= LONGEST:
        raise Invalid("soon", "Choose between a minute and seven days, or leave it empty.")
    wish = ShiftWish(
        user=person,
        soon=soon,
        moved=moved,
        handoff=handoff,
        swaps=swaps,
        daily_at=daily_at,
        daily_due_at=next_daily(person, daily_at, at) if daily_at else None,
        channels=list(dict.fromkeys(channels)),
    )
    wish.save()
    return wish


def next_daily(person: User, clock: time, at: datetime) -> datetime:
    """The next time that the person's clock shows that time, UTC; however many were missed, it is one."""
    today = at.astimezone(person.zone).date()
    days = (rota.to_utc(datetime.combine(today + timedelta(days=ahead), clock), person.time_zone) for ahead in range(3))
    return next(moment for moment in days if moment > at)
