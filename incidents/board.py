"""What the board says: one sentence, the open incidents most urgent first, what is overdue. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.models import Clock, Incident, Participant, Rule, User
from incidents.states import ClockState, Kind, Status

MOST = 100  # incidents on the board; the list has the rest
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@dataclass(frozen=True)
class Row:
    """One open incident as the board shows it."""

    incident: Incident
    clock: Clock | None  # the running or broken duty that comes first
    working: int  # people in it
    chip: str  # look of the state: warn, ok or empty
    picture: str
    state: str

    @property
    def is_hot(self) -> bool:
        """A real P0: it gets a card of its own."""
        return self.incident.severity_id == 0 and self.incident.kind == Kind.REAL

    @property
    def soon_or_late(self) -> bool:
        """The duty is broken."""
        return self.clock is not None and self.clock.state == ClockState.BREACHED


def rows(user: User, *, mine: str = "") -> list[Row]:
    """The open incidents that the person may see (3 queries). ``mine``: me = I take part, teams = my teams own it."""
    incidents = Incident.objects.visible_to(user).open().for_board()
    if mine == "me":
        incidents = incidents.filter(participants__user=user)
    elif mine == "teams":
        incidents = incidents.filter(service__team__memberships__user=user)
    found = list(incidents[:MOST])
    clocks = _first_clocks(found)
    working: dict[int, int] = {}
    for pk in Participant.objects.filter(incident__in=found, joined_at__isnull=False).values_list(
        "incident", flat=True
    ):
        working[pk] = working.get(pk, 0) + 1
    return [_row(incident, clocks.get(incident.pk), working.get(incident.pk, 0)) for incident in found]


def _first_clocks(incidents: Sequence[Incident]) -> dict[int, Clock]:
    rows = Clock.objects.filter(
        incident__in=incidents, state__in=[ClockState.RUNNING, ClockState.BREACHED], met_at=None
    )
    first: dict[int, Clock] = {}
    for clock in rows.exclude(rule=Rule.POSTMORTEM).order_by("due_at", "pk"):
        first.setdefault(clock.incident_id, clock)
    return first


def _row(incident: Incident, clock: Clock | None, working: int) -> Row:
    if not incident.acknowledged:
        look = ("warn", "bell-ring", "Not acknowledged")
    elif incident.mitigated_at:
        look = ("ok", "shield-check", "Mitigated")
    else:
        look = ("", "circle-dot", "Being handled")
    return Row(incident, clock, working, *look)


def headline(user: User, found: Sequence[Row], overdue: int) -> str:
    """One sentence: what is happening and who has it."""
    critical = [row.incident for row in found if row.is_hot]
    if len(critical) == 1:
        who = f"{_name(critical[0].held_by, user)} it" if critical[0].held_by else "nobody has it yet"
        return f"One P0 is open, {who}"
    if critical:
        return f"{_count(len(critical))} P0 are open"
    waiting = sum(not row.incident.acknowledged for row in found)
    if found:
        rest = f", {_count(waiting).lower()} waiting for an answer" if waiting else ", all in hand"
        return f"{_count(len(found))} incident{'s are' if len(found) > 1 else ' is'} open{rest}"
    if overdue:
        return f"All quiet, {_count(overdue).lower()} thing{'s are' if overdue > 1 else ' is'} overdue"
    return "All quiet"


def _name(person: User, user: User) -> str:
    return "you have" if person == user else f"{person} has"


def _count(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def overdue(user: User, at: datetime) -> list[Clock]:
    """Postmortems that are late, latest deadline last (1 query)."""
    late = Clock.objects.filter(rule=Rule.POSTMORTEM, state=ClockState.BREACHED, met_at=None)
    visible = Incident.objects.visible_to(user).filter(status__in=[Status.RESOLVED, Status.CLOSED])
    recent = late.filter(incident__in=visible, due_at__gt=at - timedelta(days=60))
    return list(recent.select_related("incident__severity", "incident__service").order_by("due_at", "pk")[:10])


def last_ended(user: User) -> Incident | None:
    """The incident that ended last: what an empty board mentions (1 query)."""
    ended = Incident.objects.visible_to(user).filter(status__in=[Status.RESOLVED, Status.CLOSED])
    return ended.order_by("-resolved_at", "-pk").first()
