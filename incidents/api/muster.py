"""All hands: call, decline, release, and the roll-call."""

from typing import Annotated

from ninja import Router
from pydantic import BaseModel, Field

from incidents import mustering, visibility
from incidents.api import bodies, doors
from incidents.api.bodies import Moment
from incidents.api.deeds import Deed, Reason
from incidents.api.doors import ApiRequest
from incidents.models import Incident

router = Router(tags=["muster"])


class CallShape(BaseModel):
    """One person of the roll-call."""

    team: str
    person: str
    state: str = Field(description="called, joined or released.")
    called_at: Moment
    released_at: Moment | None


class MusterShape(BaseModel):
    """What is decided about all hands."""

    called_at: Moment | None
    declined_because: str
    by: str | None = Field(description="null = it came due by itself, or nothing is decided.")
    ended_at: Moment | None
    comes_at: Moment | None = Field(description="When it happens by itself; null = it does not.")
    roll_call: list[CallShape]


class Decline(Deed):
    """Why all hands are not needed."""

    reason: Reason


class Release(Deed):
    """Who may go."""

    person: Annotated[str, Field(max_length=254)] | None = Field(default=None, description="null = everybody.")


CALL, EVERYBODY = Deed(), Release()


def muster_shape(incident: Incident) -> MusterShape:
    """The muster of an incident as the API shows it."""
    muster = mustering.present(incident)
    lines = mustering.roll_call(muster) if muster and muster.called_at else {}
    return MusterShape(
        called_at=muster.called_at if muster else None,
        declined_because=muster.declined_because if muster else "",
        by=muster.by.email if muster and muster.by else None,
        ended_at=muster.ended_at if muster else None,
        comes_at=None if muster else mustering.comes_at(incident),
        roll_call=[
            CallShape(
                team=team,
                person=line.call.person.email,
                state=line.state,
                called_at=line.call.called_at,
                released_at=line.call.released_at,
            )
            for team, rows in lines.items()
            for line in rows
        ],
    )


def _fresh(request: ApiRequest, number: int) -> MusterShape:
    return muster_shape(visibility.incident_for(request.user, number))


@router.get("/incidents/{int:number}/muster", response=MusterShape, summary="Read the roll-call")
def get_muster(request: ApiRequest, number: int) -> MusterShape:
    """Whether all hands are called, and what became of each person."""
    return _fresh(request, number)


@router.post("/incidents/{int:number}/muster", response=MusterShape, summary="Call all hands")
def call_all_hands(request: ApiRequest, number: int, said: Deed = CALL) -> MusterShape:
    """The teams that own affected services; whoever has joined is not called again."""
    incident = doors.incident_to_act_on(request, number)
    mustering.call(incident, by=request.user, at=request.at, version=said.version)
    return _fresh(request, number)


@router.post("/incidents/{int:number}/muster/decline", response=MusterShape, summary="Do without all hands")
def decline_muster(request: ApiRequest, number: int, said: Decline) -> MusterShape:
    """At P0 they come by themselves after five minutes unless somebody declines with a reason."""
    incident = doors.incident_to_act_on(request, number)
    mustering.decline(incident, reason=said.reason, by=request.user, at=request.at, version=said.version)
    return _fresh(request, number)


@router.post("/incidents/{int:number}/muster/release", response=MusterShape, summary="Let people go")
def release_hands(request: ApiRequest, number: int, said: Release = EVERYBODY) -> MusterShape:
    """One person, or everybody."""
    incident = doors.incident_to_act_on(request, number)
    person = bodies.person(said.person, "person").pk if said.person else None
    mustering.release(incident, by=request.user, at=request.at, person=person)
    return _fresh(request, number)
