"""Updates in three parts: what is the case, what is done, what is needed. The last one stands on top of the page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from incidents import clocks, moves, timeline
from incidents.models import Clock, EntryKind, Incident, Rule, TimelineEntry, User
from incidents.refusals import Conflict, Invalid
from incidents.states import ClockState

LONGEST = {"conditions": 400, "actions": 400, "needs": 160}  # characters: the sentence on top must be read at a glance
ENDS = (".", "!", "?", "…", ":")


@dataclass(frozen=True)
class Said:
    """Conditions: what users and systems go through. Actions: who does what. Needs: what is missing."""

    conditions: str
    actions: str = ""
    needs: str = ""

    def stripped(self) -> "Said":
        """Without the spaces around each part."""
        return Said(self.conditions.strip(), self.actions.strip(), self.needs.strip())

    def sentence(self) -> str:
        """The parts as running text: the now sentence."""
        needs = f"Needed: {self.needs}" if self.needs else ""
        return " ".join(_ended(part) for part in (self.conditions, self.actions, needs) if part)

    def as_markdown(self, next_at: datetime | None) -> str:
        """The parts under their names, a line each, and what is promised next."""
        named = (("Conditions", self.conditions), ("Actions", self.actions), ("Needs", self.needs))
        lines = [f"**{name}:** {_ended(part)}" for name, part in named if part]
        return "\n".join([*lines, *([f"Next update by {next_at:%H:%M} UTC."] if next_at else [])])


@transaction.atomic
def post(
    incident: Incident,
    said: Said,
    *,
    by: User,
    at: datetime,
    occurred_at: datetime | None = None,
    seen: int | None = None,
) -> TimelineEntry:
    """Tell everybody how it stands; the promise of the next update begins anew (R-18).

    ``seen`` is the number of the last update that the writer knew (0 = none): a newer one refuses, nothing is lost.

    Raises:
        Invalid: nothing about the conditions, a part that is too long, a time that cannot be right.
        Conflict: somebody else's update came in between.
    """
    said = said.stripped()
    _check(said)
    locked = moves.lock(incident, None, at)
    before = last(locked)
    if seen is not None and before and before.seq > seen:
        raise Conflict(
            f"{before.actor} posted an update at {before.recorded_at:%H:%M:%S} UTC: {' '.join(before.text.split())} "
            "Yours is not out yet: read it, then post again."
        )
    when = moves.event_time(locked, occurred_at, at)
    if before is None or when >= before.occurred_at:
        locked.summary = said.sentence()
        clocks.updated(locked, when)
    next_at = promised(locked)
    data: dict[str, Any] = {"conditions": said.conditions, "actions": said.actions, "needs": said.needs}
    data["next_by"] = next_at.isoformat() if next_at else None
    line = timeline.Line(locked, EntryKind.UPDATE, said.as_markdown(next_at), by=by, occurred_at=when, data=data)
    [entry] = timeline.write([line], at=at)
    moves.finish(locked, "updated", at)
    return entry


def story(incident: Incident) -> QuerySet[TimelineEntry]:
    """The incident's updates with their writers, newest first."""
    rows = TimelineEntry.objects.filter(incident=incident, kind=EntryKind.UPDATE).select_related("actor")
    return rows.order_by("-occurred_at", "-seq", "pk")


def last(incident: Incident) -> TimelineEntry | None:
    """The update that counts now (1 query)."""
    return story(incident).first()


def parts_of(entry: TimelineEntry | None) -> Said:
    """The three parts of an update; one that was written in one piece has conditions alone."""
    if entry is None:
        return Said("")
    known = entry.data
    return Said(known.get("conditions", entry.text), known.get("actions", ""), known.get("needs", ""))


def promised(incident: Incident) -> datetime | None:
    """When the next update is due, overdue or not; None = none is owed (1 query)."""
    rows = Clock.objects.filter(
        incident=incident, rule=Rule.UPDATE, met_at=None, state__in=[ClockState.RUNNING, ClockState.BREACHED]
    )
    return rows.order_by("-started_at", "-pk").values_list("due_at", flat=True).first()


def _check(said: Said) -> None:
    if not said.conditions:
        raise Invalid("conditions", "Say what is the case: what users and systems go through now.")
    for name, longest in LONGEST.items():
        length = len(getattr(said, name))
        if length > longest:
            raise Invalid(name, f"This is {length} characters long; {longest} fit. Details belong on the timeline.")


def _ended(part: str) -> str:
    return part if part.endswith(ENDS) else f"{part}."
