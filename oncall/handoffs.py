"""Shifts that begin: a word before, the handoff with open incidents and notes, and one a day for who wants it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from incidents import due
from incidents.models import Incident, User
from incidents.refusals import Invalid, NotAllowed
from oncall import rights, rosters, rota, telling, wishes
from oncall.models import HandoffNote, Schedule, ShiftWatch, ShiftWish

LOOK_AGAIN = timedelta(minutes=15)  # at the latest, since overrides may come any time
DAY = timedelta(days=1)
NOTES_FROM = timedelta(days=7)  # older ones are not handed over
SHOWN = 5  # incidents that one notice lists
LONGEST_NOTE = 2000


@dataclass(frozen=True)
class Beginning:
    """Somebody comes on call; ``after`` had it until then and no longer has."""

    person: int
    start: datetime
    end: datetime
    after: tuple[int, ...]


def look_due(at: datetime) -> due.Done:
    """Look at schedules for shifts that begin: the due source ``shifts``."""
    ids = list(waiting(at).values_list("pk", flat=True)[: due.BATCH])
    return due.Done(rows=_look(ids, at)) if ids else due.Done()


def waiting(at: datetime) -> QuerySet[Schedule]:
    """Schedules that were never looked at, or not since it was due."""
    return Schedule.objects.filter(Q(watch=None) | Q(watch__due_at__lt=at), is_active=True).order_by("pk")


@transaction.atomic
def _look(ids: Sequence[int], at: datetime) -> int:
    known = set(ShiftWatch.objects.filter(schedule__in=ids).values_list("pk", flat=True))
    fresh = [ShiftWatch(schedule_id=pk, looked_at=at, due_at=at) for pk in ids if pk not in known]
    ShiftWatch.objects.bulk_create(fresh, ignore_conflicts=True)
    locked = ShiftWatch.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    rows = list(locked.filter(schedule__in=ids, due_at__lte=at).select_related("schedule__team").order_by("pk"))
    loaded = rosters.load([row.pk for row in rows], since=min((row.looked_at for row in rows), default=at) - DAY)
    members = {person for roster in loaded.values() for person in rota.members(roster)}
    wanted, people = wishes.of(members), User.objects.in_bulk(members)
    for row in rows:
        roster = loaded.get(row.pk)
        row.due_at = _tell(row, roster, wanted, people, at) if roster else at + LOOK_AGAIN
        row.looked_at = at
    ShiftWatch.objects.bulk_update(rows, ["due_at", "looked_at"])
    return len(rows)


def _tell(
    row: ShiftWatch, roster: rota.Schedule, wanted: dict[int, ShiftWish], people: dict[int, User], at: datetime
) -> datetime:
    """Tell of what begins in one schedule; return when to look again."""
    times = [at + LOOK_AGAIN]
    for one in beginnings(roster, row.looked_at, at + wishes.LONGEST + LOOK_AGAIN):
        person, wish = people.get(one.person), wanted[one.person]
        if person is None:
            continue
        if row.looked_at < one.start <= at < one.end:
            _hand_over(row.schedule, one, person, at)
        elif one.start > at:
            before = one.start - wish.soon if wish.soon else one.start
            if wish.soon and before <= at:
                _say_soon(row.schedule, one, person, at)
            times += [moment for moment in (before, one.start) if moment > at]
    return min(times)


def beginnings(roster: rota.Schedule, start: datetime, end: datetime) -> list[Beginning]:
    """Who comes on call after ``start`` until ``end``; whoever goes on while others change does not begin."""
    pieces = rota.final(roster, start, end + DAY)
    found = []
    for place, piece in enumerate(pieces[1:], start=1):
        if piece.start > end:
            break
        had = pieces[place - 1].people
        for person in set(piece.people) - set(had):
            last = next((later.start for later in pieces[place + 1 :] if person not in later.people), pieces[-1].end)
            found.append(Beginning(person, piece.start, last, tuple(sorted(set(had) - set(piece.people)))))
    return sorted(found, key=lambda one: (one.start, one.person))


def _say_soon(schedule: Schedule, one: Beginning, person: User, at: datetime) -> None:
    local = one.start.astimezone(person.zone)
    telling.tell(
        [person],
        schedule=schedule,
        subject=f"You are on call in {schedule} from {local:%a %H:%M}",
        lines=[f"Your shift begins {telling.say_moment(one.start, person)}."],
        key=f"soon:{schedule.pk}:{one.start.isoformat()}",
        at=at,
        about="soon",
    )


def _hand_over(schedule: Schedule, one: Beginning, person: User, at: datetime) -> None:
    """Tell whoever takes over what is open and what the one before them left."""
    notes = [f"{note.author} wrote: {note.text}" for note in notes_for(schedule, one.after, one.start)]
    open_now = open_incidents(schedule, person)
    lines = [f"{row.ref} P{row.severity.level} {row.service}: {row.title}" for row in open_now[:SHOWN]]
    if len(open_now) > SHOWN:
        lines.append(f"and {len(open_now) - SHOWN} more")
    telling.tell(
        [person],
        schedule=schedule,
        subject=f"You are on call now in {schedule}",
        lines=[*(lines or ["No incident of the team is open."]), *(notes or ["No note was left."])],
        key=f"handoff:{schedule.pk}:{one.start.isoformat()}",
        at=at,
        about="handoff",
    )


def notes_for(schedule: Schedule, authors: Iterable[int], at: datetime) -> list[HandoffNote]:
    """The last note of each of those people within a week before the handoff, the oldest first (1 query)."""
    rows = HandoffNote.objects.filter(
        schedule=schedule, author__in=list(authors), written_at__gt=at - NOTES_FROM, written_at__lte=at
    )
    last = {note.author_id: note for note in rows.select_related("author").order_by("written_at", "pk")}
    return sorted(last.values(), key=lambda note: (note.written_at, note.pk))


def open_incidents(schedule: Schedule, person: User) -> list[Incident]:
    """What is open at the schedule's team, as far as the person may see it, most urgent first (1 query)."""
    rows = Incident.objects.visible_to(person).open().filter(service__team=schedule.team_id)
    return list(rows.select_related("severity", "service").by_urgency())


@transaction.atomic
def leave_note(schedule: Schedule, *, text: str, by: User, at: datetime) -> HandoffNote:
    """Leave a note for whoever takes over.

    Raises:
        Invalid: it says nothing, or too much.
        NotAllowed: they are neither of the team nor an administrator.
    """
    text = text.strip()
    if not rights.may_arrange(by, schedule.team):
        raise NotAllowed(f"Only members of {schedule.team} and administrators leave notes here.")
    if not text:
        raise Invalid("text", "Write something.")
    if len(text) > LONGEST_NOTE:
        raise Invalid("text", f"Use at most {LONGEST_NOTE} characters.")
    return HandoffNote.objects.create(schedule=schedule, author=by, text=text, written_at=at)


# Once a day


def remind_due(at: datetime) -> due.Done:
    """Tell people once a day of their shifts of the next 24 hours: the due source ``daily shifts``."""
    ids = list(waiting_daily(at).values_list("pk", flat=True)[: due.BATCH])
    return due.Done(rows=_remind(ids, at)) if ids else due.Done()


def waiting_daily(at: datetime) -> QuerySet[ShiftWish]:
    """Wishes whose time of the day has come, once, however many days were missed."""
    return ShiftWish.objects.filter(daily_due_at__lt=at, user__is_active=True).order_by("daily_due_at", "pk")


@transaction.atomic
def _remind(ids: Sequence[int], at: datetime) -> int:
    locked = waiting_daily(at).filter(pk__in=ids).select_for_update(no_key=True, skip_locked=True, of=("self",))
    rows = list(locked.select_related("user"))
    schedules = Schedule.objects.filter(is_active=True).in_bulk()
    loaded = rosters.load(schedules, since=at)
    for row in rows:
        own = [
            (schedules[pk], piece)
            for pk, roster in loaded.items()
            if row.pk in rota.members(roster)
            for piece in rota.final(roster, at, at + DAY)
            if row.pk in piece.people
        ]
        if own:
            _say_day(row.user, own, at)
        row.daily_due_at = wishes.next_daily(row.user, row.daily_at, at) if row.daily_at else None
    ShiftWish.objects.bulk_update(rows, ["daily_due_at"])
    return len(rows)


def _say_day(person: User, own: Sequence[tuple[Schedule, rota.Piece]], at: datetime) -> None:
    """One notice, whatever the number of shifts."""
    names = list(dict.fromkeys(str(schedule) for schedule, _ in own))
    telling.tell(
        [person],
        schedule=own[0][0],
        subject=f"You are on call today: {', '.join(names)}",
        lines=[f"{schedule}: {telling.say_time(piece.start, piece.end, person)}" for schedule, piece in own],
        key=f"daily:{at.astimezone(person.zone).date()}",
        at=at,
        about="daily",
    )
