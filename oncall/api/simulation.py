"""Who would be told and paged, minute by minute, if an incident opened."""

from typing import Annotated

from ninja import Query, Router
from pydantic import BaseModel

from incidents.api import bodies
from incidents.api.bodies import Email, Level, Moment, OneOf, Slug
from incidents.api.catalog import service_named
from incidents.api.doors import ApiRequest
from oncall import simulation
from oncall.models import Act, Channel

router = Router(tags=["escalation"])


class ToldShape(BaseModel):
    """Somebody is told something, by these channels, so many seconds after the start."""

    after: int
    person: str
    act: Annotated[str, OneOf(Act)]
    channels: list[Annotated[str, OneOf(Channel)]]
    why: str


@router.get("/simulate", response=list[ToldShape], summary="Simulate an incident")
def simulate(
    request: ApiRequest,
    service: Query[Slug],
    severity: Annotated[Level | None, Query(description="Null = nobody names one.")] = None,
    at: Annotated[Moment | None, Query(description="When it opens; null = now.")] = None,
    silent: Annotated[
        list[Email] | None,
        Query(description="Who does not answer; everybody else answers after a minute. Left out: nobody answers."),
    ] = None,
) -> list[ToldShape]:
    """The engine itself climbs the ladder, and everything is undone: nobody is contacted.

    Calls that only repeat are played for the first twenty minutes.
    """
    found = simulation.simulate(
        service_named(service, "service"),
        severity=None if severity is None else bodies.severity(severity),
        at=at or request.at,
        silent=None if silent is None else {bodies.person(email, "silent").pk for email in silent},
    )
    return [
        ToldShape(
            after=int(one.after.total_seconds()),
            person=one.person.email,
            act=one.act,
            channels=list(one.channels),
            why=one.why,
        )
        for one in found.told
    ]
