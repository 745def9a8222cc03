"""Owe people a word about their shifts: each row is a ``Notice``, delivered by the ways they have chosen."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from incidents import due
from incidents.models import Notice, User
from oncall import changes, rota, wishes
from oncall.changes import Stint
from oncall.models import Schedule
from oncall.wording import city

SHOWN = 5  # stretches that one notice lists
LONGEST_SUBJECT = 200


def tell(
    people: Iterable[User],
    *,
    schedule: Schedule,
    subject: str,
    lines: Sequence[str],
    key: str,
    at: datetime,
    about: str = "moved",
) -> None:
    """Write a notice to each person who wishes it, one on each way they chose, in the caller's transaction.

    ``key`` names the event, once for ever; ``about`` the wish: moved, swaps, handoff, soon or daily.
    """
    people = [person for person in people if person.is_active]
    wanted = wishes.of([person.pk for person in people]) if people else {}
    notices = [
        Notice(
            person=person,
            subject=subject[:LONGEST_SUBJECT],
            text="\n".join(lines),
            path=f"/on-call/schedules/{schedule.slug}/",
            channels=[channel] if channel else [],
            due_at=at,
            dedupe_key=f"{key}:{person.pk}{f':{channel}' if channel else ''}",
        )
        for person in people
        if getattr(wanted[person.pk], about, True)
        for channel in wanted[person.pk].channels or [""]
    ]
    if notices:
        Notice.objects.bulk_create(notices, ignore_conflicts=True)
        due.ring_on_commit()


def tell_of_changes(
    schedule: Schedule,
    before: rota.Schedule,
    after: rota.Schedule,
    *,
    until: datetime,
    by: User | None,
    why: str,
    key: str,
    at: datetime,
) -> None:
    """Tell everyone whose shifts between now and ``until`` are others than before, except who changed them."""
    moved = changes.by_person(changes.between(before, after, at, until))
    people = User.objects.in_bulk({stint.person for stint in moved} - {by.pk if by else 0})
    for pk, stints in groupby(moved, key=attrgetter("person")):
        if person := people.get(pk):
            own = list(stints)
            lines = [*_say(own, person, at), why]
            tell([person], schedule=schedule, subject=_subject(own, schedule), lines=lines, key=key, at=at)


def say_time(start: datetime, end: datetime, person: User) -> str:
    """Say from when to when on a person's own clock: “Tue 24 Nov 2026, 09:00 to 17:00 (Berlin)”."""
    begins, ends = start.astimezone(person.zone), end.astimezone(person.zone)
    last = f"{ends:%H:%M}" if begins.date() == ends.date() else _say_moment(ends)
    return f"{_say_moment(begins)} to {last} ({city(person.time_zone)})"


def say_moment(moment: datetime, person: User) -> str:
    """Say a moment on a person's own clock: “Tue 24 Nov 2026, 09:00 (Berlin)”."""
    return f"{_say_moment(moment.astimezone(person.zone))} ({city(person.time_zone)})"


def _say_moment(local: datetime) -> str:
    return f"{local:%a} {local.day} {local:%b %Y}, {local:%H:%M}"


def _subject(stints: Sequence[Stint], schedule: Schedule) -> str:
    news = {stint.is_new for stint in stints}
    if news == {True}:
        return f"You are put on call in {schedule}"
    return f"You are taken off call in {schedule}" if news == {False} else f"Your shifts in {schedule} have changed"


def _say(stints: Sequence[Stint], person: User, at: datetime) -> list[str]:
    lines = [
        f"{'On call' if stint.is_new else 'No longer on call'}: {say_time(stint.start, stint.end, person)}"
        for stint in stints[:SHOWN]
    ]
    return [*lines, f"and {len(stints) - SHOWN} more times"] if len(stints) > SHOWN else lines
