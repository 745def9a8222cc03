"""What looks wrong in a schedule that somebody is about to save, in words. Nothing here refuses: a gap may be meant."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

from incidents.models import User
from incidents.refusals import Invalid
from oncall import anchors, rota
from oncall.planning import Turns
from oncall.reach import usable_methods
from oncall.wording import city, enumerate_words

AHEAD = timedelta(days=28)


def of(schedule: rota.Schedule, layers: Sequence[Turns], *, at: datetime) -> list[str]:
    """What is worth a look: gaps, doubles, rivals, handoffs on no clock, people who cannot be reached (2 queries)."""
    pieces = rota.final(schedule, at, at + AHEAD)
    found = _gaps(pieces, schedule.time_zone, at)
    found += _doubles(pieces, schedule)
    found += [line for one, other in combinations(layers, 2) if (line := _rivals(one, other))]
    found += [line for turns in layers if (line := _anchor(turns))]
    return found + _silent({person for turns in layers for slot in turns.slots for person in slot})


def _gaps(pieces: Sequence[rota.Piece], zone: str, at: datetime) -> list[str]:
    gaps = rota.gaps(pieces)
    if not gaps:
        return []
    if gaps[0].end - gaps[0].start >= AHEAD:
        return ["Nobody is on call in the next four weeks."]
    more = f", and {len(gaps) - 1} more times in four weeks" if len(gaps) > 1 else ""
    return [f"Nobody is on call from {_say(gaps[0].start, zone)} to {_say(gaps[0].end, zone)} ({city(zone)}){more}."]


def _doubles(pieces: Sequence[rota.Piece], schedule: rota.Schedule) -> list[str]:
    """Two people at once where no slot has two: an override adds somebody."""
    most = max((len(slot) for layer in schedule.layers for slot in layer.slots), default=0)
    first = next((piece for piece in pieces if len(piece.people) > max(most, 1)), None)
    if first is None or any(each.start <= first.start < each.end for each in schedule.temporaries):
        return []
    zone = schedule.time_zone
    return [
        f"{len(first.people)} people are on call at once from {_say(first.start, zone)} to {_say(first.end, zone)} "
        f"({city(zone)}), more than any turn has."
    ]


def _rivals(one: Turns, other: Turns) -> str:
    """Two layers of one priority: the elder wins wherever both are open, which seldom is what was meant."""
    if one.priority != other.priority or one.restrictions or other.restrictions:
        return ""
    if (one.effective_until and other.effective_from and one.effective_until <= other.effective_from) or (
        other.effective_until and one.effective_from and other.effective_until <= one.effective_from
    ):
        return ""
    return (
        f"“{one.name}” and “{other.name}” have the same priority and overlap: only the one that was made first has "
        "anybody on call. Give one of them a larger priority."
    )


def _anchor(turns: Turns) -> str:
    try:
        anchor = anchors.read(turns.anchor, turns.time_zone)
    except Invalid as refusal:
        return f"{turns.name}: {refusal}"
    if anchor.comes_twice:
        return (
            f"{turns.name}: {anchor.wall:%H:%M} on {anchor.wall:%Y-%m-%d} comes twice in {turns.time_zone}, because "
            "the clocks go back. The first of the two counts."
        )
    return ""


def _silent(people: set[int]) -> list[str]:
    """Those who cannot be paged."""
    methods = usable_methods(sorted(people))
    silent = User.objects.filter(pk__in=[pk for pk in people if not methods.get(pk)], is_active=True)
    names = list(silent.order_by("name", "pk").values_list("name", flat=True))
    if not names:
        return []
    if len(names) == len(people):
        return ["Nobody of this rotation has a verified contact method: nobody can be paged."]
    verb = "has" if len(names) == 1 else "have"
    return [f"{enumerate_words(names)} {verb} no verified contact method and cannot be paged."]


def _say(moment: datetime, zone: str) -> str:
    local = moment.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b} {local:%H:%M}"
