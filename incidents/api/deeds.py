"""What can be done to an incident. Each call takes the ``version`` that was seen, and answers with the fresh object."""

from datetime import timedelta
from typing import Annotated

from ninja import Router
from pydantic import Field

from incidents import command, grading, lifecycle
from incidents.api import bodies, doors
from incidents.api.bodies import Body, Level, Moment, Text
from incidents.api.doors import ApiRequest
from incidents.api.incidents import IncidentShape, fresh

router = Router(tags=["deeds"])

Reason = Annotated[str, Field(min_length=1, max_length=2000)]


class Deed(Body):
    """What every deed takes."""

    version: int | None = Field(default=None, description="The one you saw; a newer one answers 409 with who did what.")


class TimedDeed(Deed):
    """A deed that may be told later."""

    at: Moment | None = Field(default=None, description="When it happened; null = now.")
    note: Text = ""


class Mitigation(TimedDeed):
    """What stopped the bleeding."""

    what: Annotated[str, Field(min_length=1, max_length=500)]
    impact_over: bool = Field(default=False, description="Users are well again as well.")


class Resolution(TimedDeed):
    """The end of the work."""

    recovered_at: Moment | None = Field(
        default=None, description="When users were well again; null = at the resolution."
    )
    root_cause: Text = ""
    not_yet_because: Text = ""


class Reasoned(TimedDeed):
    """A deed that needs a reason."""

    reason: Reason


class SeverityDeed(Reasoned):
    """Another level."""

    severity: Level


class Cadence(Deed):
    """How often an update is promised."""

    every: Annotated[int, Field(ge=60, le=7 * 24 * 3600)] | None = Field(
        default=None, description="Seconds between two updates at most; null = as the level has it."
    )
    reason: Annotated[str, Field(max_length=500)] = ""


class Decline(Deed):
    """A false alarm."""

    reason: Reason


NOTHING_SAID, RESOLVED = TimedDeed(), Resolution()


@router.post("/incidents/{int:number}/acknowledge", response=IncidentShape, summary="Take it in hand")
def acknowledge(request: ApiRequest, number: int, said: TimedDeed = NOTHING_SAID) -> IncidentShape:
    """What waits on “unacknowledged” stops."""
    incident = doors.incident_to_act_on(request, number)
    lifecycle.acknowledge(
        incident, by=request.user, at=request.at, occurred_at=said.at, note=said.note, version=said.version
    )
    return fresh(request, number)


@router.post("/incidents/{int:number}/join", response=IncidentShape, summary="Begin to work on it")
def join(request: ApiRequest, number: int) -> IncidentShape:
    """The first who joins has acknowledged it."""
    lifecycle.join(doors.incident_to_act_on(request, number), by=request.user, at=request.at)
    return fresh(request, number)


@router.post("/incidents/{int:number}/mitigate", response=IncidentShape, summary="The bleeding has stopped")
def mitigate(request: ApiRequest, number: int, said: Mitigation) -> IncidentShape:
    """Say what stopped it."""
    lifecycle.mitigate(
        doors.incident_to_act_on(request, number),
        what=said.what,
        by=request.user,
        at=request.at,
        occurred_at=said.at,
        impact_over=said.impact_over,
        note=said.note,
        version=said.version,
    )
    return fresh(request, number)


@router.post("/incidents/{int:number}/resolve", response=IncidentShape, summary="The work is over")
def resolve(request: ApiRequest, number: int, said: Resolution = RESOLVED) -> IncidentShape:
    """A root cause that is not known yet never blocks."""
    lifecycle.resolve(
        doors.incident_to_act_on(request, number),
        by=request.user,
        at=request.at,
        occurred_at=said.at,
        recovered_at=said.recovered_at,
        root_cause=said.root_cause,
        not_yet_because=said.not_yet_because,
        note=said.note,
        version=said.version,
    )
    return fresh(request, number)


@router.post("/incidents/{int:number}/reopen", response=IncidentShape, summary="Take the work up again")
def reopen(request: ApiRequest, number: int, said: Reasoned) -> IncidentShape:
    """A second impact begins, and the contract of the severity starts anew."""
    lifecycle.reopen(
        doors.incident_to_act_on(request, number),
        reason=said.reason,
        by=request.user,
        at=request.at,
        occurred_at=said.at,
        note=said.note,
        version=said.version,
    )
    return fresh(request, number)


@router.post("/incidents/{int:number}/close", response=IncidentShape, summary="All duties are done")
def close(request: ApiRequest, number: int, said: TimedDeed = NOTHING_SAID) -> IncidentShape:
    """After the resolution."""
    incident = doors.incident_to_act_on(request, number)
    lifecycle.close(incident, by=request.user, at=request.at, occurred_at=said.at, note=said.note, version=said.version)
    return fresh(request, number)


@router.post("/incidents/{int:number}/decline", response=IncidentShape, summary="It was no incident")
def decline(request: ApiRequest, number: int, said: Decline) -> IncidentShape:
    """A false alarm."""
    incident = doors.incident_to_act_on(request, number)
    lifecycle.decline(incident, reason=said.reason, by=request.user, at=request.at, version=said.version)
    return fresh(request, number)


@router.post("/incidents/{int:number}/severity", response=IncidentShape, summary="Change the severity")
def change_severity(request: ApiRequest, number: int, said: SeverityDeed) -> IncidentShape:
    """Clocks and escalation of the new level start now, whenever the level was changed."""
    grading.change_severity(
        doors.incident_to_act_on(request, number),
        to=bodies.severity(said.severity),
        reason=said.reason,
        by=request.user,
        at=request.at,
        occurred_at=said.at,
        note=said.note,
        version=said.version,
    )
    return fresh(request, number)


@router.post("/incidents/{int:number}/cadence", response=IncidentShape, summary="Promise updates so often")
def set_cadence(request: ApiRequest, number: int, said: Cadence) -> IncidentShape:
    """Shorter is free; longer than the level's needs a reason, and P0 refuses it."""
    command.set_cadence(
        doors.incident_to_act_on(request, number),
        every=None if said.every is None else timedelta(seconds=said.every),
        reason=said.reason,
        by=request.user,
        at=request.at,
        version=said.version,
    )
    return fresh(request, number)
