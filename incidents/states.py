"""The states an incident passes through and the moves allowed between them: two tables, one screen."""

from enum import nonmember

from django.db import models


class Status(models.TextChoices):
    """Whether work on the incident goes on. ``acknowledged`` is no status: it is derived from its time."""

    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"
    CLOSED = "closed", "Closed"
    MERGED = "merged", "Merged"
    DECLINED = "declined", "Declined"

    ended = nonmember(("resolved", "closed", "merged", "declined"))

    def may_become(self, wanted: "Status") -> bool:
        """Tell whether one move leads from this status to the wanted one."""
        return wanted in MOVES[self]


MOVES: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.RESOLVED, Status.MERGED, Status.DECLINED}),
    Status.RESOLVED: frozenset({Status.OPEN, Status.CLOSED, Status.MERGED}),
    Status.CLOSED: frozenset({Status.OPEN}),
    Status.MERGED: frozenset({Status.OPEN}),
    Status.DECLINED: frozenset({Status.OPEN}),
}


class Phase(models.TextChoices):
    """The five phases in their order (R-30)."""

    DETECT = "detect", "Detect"
    RESPOND = "respond", "Respond"
    MITIGATE = "mitigate", "Mitigate"
    RESOLVE = "resolve", "Resolve"
    POSTMORTEM = "postmortem", "Postmortem"

    order = nonmember(("detect", "respond", "mitigate", "resolve", "postmortem"))

    @property
    def position(self) -> int:
        """The place in the order, from 0."""
        return Phase.order.index(self.value)

    def may_become(self, wanted: "Phase") -> bool:
        """Tell whether a move leads there: forward by any number of steps, back only to where work resumes."""
        return wanted.position > self.position or wanted in BACK[self]


BACK: dict[Phase, frozenset[Phase]] = {
    Phase.DETECT: frozenset(),
    Phase.RESPOND: frozenset(),
    Phase.MITIGATE: frozenset(),
    Phase.RESOLVE: frozenset({Phase.MITIGATE}),
    Phase.POSTMORTEM: frozenset({Phase.MITIGATE}),
}


class Kind(models.TextChoices):
    """What the incident is: only a real one counts as a failure at the time it happens."""

    REAL = "real", "Real"
    DRILL = "drill", "Drill"
    BACKFILL = "backfill", "Backfill"
    TUTORIAL = "tutorial", "Tutorial"

    silent = nonmember(("backfill",))  # kinds that page nobody
    scaled = nonmember(("drill", "tutorial"))  # kinds whose delays may be divided by time_scale


class Detection(models.TextChoices):
    """How the incident was noticed (R-05)."""

    MONITORING = "monitoring", "Monitoring alert"
    USER_REPORT = "user_report", "User report"
    INSPECTION = "inspection", "Internal inspection"


class ClockState(models.TextChoices):
    """What became of an obligation with a deadline."""

    RUNNING = "running", "Running"
    MET = "met", "Met"
    BREACHED = "breached", "Breached"
    WAIVED = "waived", "Waived"
    SUPERSEDED = "superseded", "Superseded"
