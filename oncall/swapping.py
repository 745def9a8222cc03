"""Swaps: ask that somebody takes a shift, or a part of one; take it, cancel it, let it expire.

The one who asks stays on call until somebody takes the swap: asking changes nobody's shifts.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from psycopg.errors import ExclusionViolation

from incidents import due
from incidents.models import User
from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall import absences, overriding, rights, rosters, rota, telling
from oncall.models import Layer, OverrideKind, Schedule, Swap, SwapState
from oncall.overriding import Wish


@transaction.atomic
def ask(
    schedule: Schedule,
    *,
    start: datetime,
    end: datetime,
    by: User,
    at: datetime,
    asked: User | None = None,
    note: str = "",
) -> Swap:
    """Ask a person, or anyone of the schedule, to take the asker's own shift in that range; tell them.

    Raises:
        Conflict: the asker has asked for this time already, or the schedule is retired.
        Invalid: the range is not theirs, or the person cannot take it.
    """
    schedule = rights.locked(schedule)
    if end <= at:
        raise Invalid("end", "This time is over.")
    start = max(rights.begin(start, end, by=by, at=at), at)
    overriding.refuse_fixed(schedule, start, end)
    roster = rosters.load([schedule.pk])[schedule.pk]
    _require_shift(roster, by, start, end)
    if asked is not None:
        _require_fit(schedule, roster, asked, by)
    swap = Swap(
        schedule=schedule,
        asked_by=by,
        start=start,
        end=end,
        asked=asked,
        note=note.strip(),
        asked_at=at,
        expires_at=start if start > at else end,
    )
    try:
        with transaction.atomic():
            swap.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, ExclusionViolation):
            raise Conflict("You have asked for this time already. Cancel that request first.") from error
        raise
    for person in [asked] if asked else candidates(swap, at):
        lines = [f"{by} asks: {telling.say_time(start, end, person)}", *([swap.note] if swap.note else [])]
        _tell(swap, [person], subject=f"{by} asks you to take a shift in {schedule}", lines=lines, event="asked", at=at)
    return swap


@transaction.atomic
def take(swap: Swap, *, by: User, at: datetime) -> Swap:
    """Take the shift: from now on the taker is on call in the asker's place. Tell the asker.

    Raises:
        Conflict: it is not open any more, or the shift is no longer the asker's.
        Invalid: the taker is on call or on leave then.
        NotAllowed: it is the taker's own, another person's to take, or they have nothing to do with the schedule.
    """
    schedule = rights.locked(swap.schedule)
    swap = _locked_open(swap, at)
    if swap.asked_id not in {None, by.pk}:
        raise NotAllowed(f"This was asked of {swap.asked} alone.")
    roster = rosters.load([schedule.pk])[schedule.pk]
    start, asker = max(swap.start, at), swap.asked_by
    _require_fit(schedule, roster, by, asker)
    pieces = rota.final(roster, start, swap.end)
    if not all(asker.pk in piece.people for piece in pieces) or _is_fixed(roster, start, swap.end):
        raise Conflict(f"The schedule has changed: {asker} is no longer on call for the whole of this time.")
    if any(by.pk in piece.people for piece in pieces):
        raise Invalid("", f"You are on call in {schedule} at that time already.")
    if absences.is_away(by, start, swap.end):
        raise Invalid("", "You are on leave at that time. End your leave first.")
    wish = Wish(OverrideKind.REPLACE, by, start, swap.end, replaces=asker, reason=f"Swap: {swap.note}".strip(": "))
    overriding.write(schedule, wish, by=by, swap=swap)
    swap.state, swap.taken_by, swap.settled_at = SwapState.TAKEN, by, at
    swap.save(update_fields=["state", "taken_by", "settled_at"])
    lines = [f"No longer yours: {telling.say_time(start, swap.end, asker)}"]
    _tell(swap, [asker], subject=f"{by} takes your shift in {schedule}", lines=lines, event="taken", at=at)
    return swap


@transaction.atomic
def cancel(swap: Swap, *, by: User, at: datetime) -> Swap:
    """Withdraw a request, or decline it where one was asked by name; tell the other side.

    Raises:
        Conflict: it is not open any more.
        NotAllowed: it is neither theirs nor asked of them, and they are no administrator.
    """
    rights.locked(swap.schedule)
    swap = _locked_open(swap, at)
    if by.pk not in {swap.asked_by_id, swap.asked_id} and not by.is_administrator:
        raise NotAllowed(f"Only {swap.asked_by} may cancel this.")
    _settle(swap, SwapState.CANCELLED, at)
    others = [person for person in (swap.asked_by, swap.asked) if person and person != by]
    verb = "declines" if by == swap.asked else "cancelled"
    for person in others:
        lines = [telling.say_time(swap.start, swap.end, person)]
        subject = f"{by} {verb} a swap in {swap.schedule}"
        _tell(swap, [person], subject=subject, lines=lines, event="cancelled", at=at)
    return swap


def expire_due(at: datetime) -> due.Done:
    """Let requests expire that nobody took in time, and tell those who asked: the due source ``swaps``."""
    return due.do_set("swaps", running_out(at), _expire, at)


def running_out(at: datetime) -> QuerySet[Swap]:
    """Open requests whose time has come."""
    return Swap.objects.filter(state=SwapState.OPEN, expires_at__lte=at).order_by("expires_at", "pk")


@transaction.atomic
def _expire(ids: Sequence[int], at: datetime) -> int:
    rows = running_out(at).filter(pk__in=ids).select_related("schedule", "asked_by")
    swaps = list(rows.select_for_update(skip_locked=True, of=("self",)))
    for swap in swaps:
        _settle(swap, SwapState.EXPIRED, at)
        lines = [f"Still yours: {telling.say_time(swap.start, swap.end, swap.asked_by)}"]
        subject = f"Nobody took your shift in {swap.schedule}"
        _tell(swap, [swap.asked_by], subject=subject, lines=lines, event="expired", at=at)
    return len(swaps)


@transaction.atomic
def drop(person: User, *, at: datetime) -> None:
    """Let the open requests of, and to, somebody who left expire."""
    rows = Swap.objects.filter(Q(asked_by=person) | Q(asked=person), state=SwapState.OPEN).order_by("pk")
    for swap in rows.select_related("schedule", "asked_by").select_for_update(of=("self",)):
        _settle(swap, SwapState.EXPIRED, at)
        subject = f"{person} cannot take your shift in {swap.schedule}"
        lines = [f"Still yours: {telling.say_time(swap.start, swap.end, swap.asked_by)}"]
        _tell(swap, [swap.asked_by], subject=subject, lines=lines, event="expired", at=at)


def candidates(swap: Swap, at: datetime) -> list[User]:
    """The active people who take turns in the schedule now or later, without the asker, by name (1 query)."""
    layers = Layer.objects.filter(Q(effective_until=None) | Q(effective_until__gt=at), schedule=swap.schedule_id)
    people = User.objects.filter(is_active=True, pk__in=layers.values("people__user")).exclude(pk=swap.asked_by_id)
    return list(people.order_by("name", "pk"))


def _locked_open(swap: Swap, at: datetime) -> Swap:
    rows = Swap.objects.select_related("schedule", "asked_by", "asked", "taken_by")
    swap = rows.select_for_update(no_key=True, of=("self",)).get(pk=swap.pk)
    if swap.state == SwapState.TAKEN:
        raise Conflict(f"{swap.taken_by} has taken this shift already.")
    if swap.state != SwapState.OPEN or swap.expires_at <= at:
        word = "cancelled" if swap.state == SwapState.CANCELLED else "expired"
        raise Conflict(f"This request has been {word}." if word == "cancelled" else "This request has expired.")
    return swap


def _require_shift(roster: rota.Schedule, person: User, start: datetime, end: datetime) -> None:
    """Refuse a range that is not wholly the person's own.

    Raises:
        Invalid: they are not on call in a part of it.
    """
    pieces = rota.final(roster, start, end)
    foreign = next((piece for piece in pieces if person.pk not in piece.people), None)
    if foreign:
        time = telling.say_time(foreign.start, foreign.end, person)
        raise Invalid("start", f"You are not on call then: {time}. Ask for a time in which you are.")
    if _is_fixed(roster, start, end):
        raise Invalid("start", "A temporary schedule stands in a part of this time. Change that instead.")


def _is_fixed(roster: rota.Schedule, start: datetime, end: datetime) -> bool:
    return any(each.start < end and each.end > start for each in roster.temporaries)


def _require_fit(schedule: Schedule, roster: rota.Schedule, person: User, asker: User) -> None:
    if person == asker:
        raise NotAllowed("This is your own shift already.")
    rights.require_active(person, "asked")
    if person.pk not in rota.members(roster) and not rights.may_arrange(person, schedule.team):
        raise NotAllowed(f"{person} is neither in {schedule} nor in {schedule.team}.")


def _settle(swap: Swap, state: SwapState, at: datetime) -> None:
    swap.state, swap.settled_at = state, at
    swap.save(update_fields=["state", "settled_at"])


def _tell(swap: Swap, people: list[User], *, subject: str, lines: list[str], event: str, at: datetime) -> None:
    key = f"swap:{swap.pk}:{event}"
    telling.tell(people, schedule=swap.schedule, subject=subject, lines=lines, key=key, at=at, about="swaps")
