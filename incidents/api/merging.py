"""Merge, take out again, split, relate."""

from typing import Annotated

from ninja import Router, Status
from pydantic import Field

from incidents import merging, visibility
from incidents.api import bodies, catalog, doors
from incidents.api.bodies import Level, OneLine, Slug
from incidents.api.deeds import Deed, Reason
from incidents.api.doors import ApiRequest
from incidents.api.incidents import IncidentShape, fresh, incident_shape, loaded
from incidents.api.lists import Listing, whole
from incidents.models import Incident
from incidents.refusals import Invalid

router = Router(tags=["deeds"])

Number = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Merge(Deed):
    """Into which incident, and why."""

    into: Number
    reason: Reason


class Unmerge(Deed):
    """Why it is one of its own."""

    reason: Reason


class Split(Deed):
    """A part that becomes an incident."""

    title: Annotated[OneLine, Field(max_length=200)]
    service: Slug
    severity: Level
    reason: Reason
    alerts: Annotated[list[int], Field(max_length=200)] = Field(default=[], description="Ids of alerts that go along.")


def _other(request: ApiRequest, number: int, field: str) -> Incident:
    try:
        return visibility.incident_for(request.user, number)
    except Incident.DoesNotExist:
        raise Invalid(field, "There is no incident of this number that you may see.") from None


@router.post("/incidents/{int:number}/merge", response=IncidentShape, summary="Merge it into another incident")
def merge(request: ApiRequest, number: int, said: Merge) -> IncidentShape:
    """Its alerts and people go there; answers with the merged one, whose merged_into names the other."""
    incident, into = doors.incident_to_act_on(request, number), _other(request, said.into, "into")
    merging.merge(incident, into=into, reason=said.reason, by=request.user, at=request.at, version=said.version)
    return fresh(request, number)


@router.post("/incidents/{int:number}/unmerge", response=IncidentShape, summary="Take it out of the other again")
def unmerge(request: ApiRequest, number: int, said: Unmerge) -> IncidentShape:
    """It is open again, and its alerts come back."""
    incident = doors.incident_to_act_on(request, number)
    merging.unmerge(incident, reason=said.reason, by=request.user, at=request.at, version=said.version)
    return fresh(request, number)


@router.post("/incidents/{int:number}/split", response={201: IncidentShape}, summary="Split off an incident")
def split(request: ApiRequest, number: int, said: Split) -> Status[IncidentShape]:
    """Answers with the new one."""
    part = merging.split(
        doors.incident_to_act_on(request, number),
        title=said.title,
        service=catalog.service_named(said.service),
        severity=bodies.severity(said.severity),
        reason=said.reason,
        alerts=said.alerts,
        by=request.user,
        at=request.at,
        version=said.version,
    )
    return Status(201, fresh(request, part.number))


@router.get("/incidents/{int:number}/related", response=Listing[IncidentShape], summary="Read what is related")
def list_related(request: ApiRequest, number: int) -> Listing[IncidentShape]:
    """Related ones, those merged into it, and the one it was merged into."""
    rows = merging.related_to(visibility.incident_for(request.user, number), request.user)
    return whole([incident_shape(row) for row in loaded(rows)])


@router.put("/incidents/{int:number}/related/{int:other}", response=Listing[IncidentShape], summary="Relate the two")
def relate(request: ApiRequest, number: int, other: int) -> Listing[IncidentShape]:
    """They have to do with one another."""
    return _relate(request, number, other, related=True)


@router.delete("/incidents/{int:number}/related/{int:other}", response=Listing[IncidentShape], summary="Unrelate them")
def unrelate(request: ApiRequest, number: int, other: int) -> Listing[IncidentShape]:
    """They have nothing to do with one another."""
    return _relate(request, number, other, related=False)


def _relate(request: ApiRequest, number: int, other: int, *, related: bool) -> Listing[IncidentShape]:
    incident, second = doors.incident_to_act_on(request, number), visibility.incident_for(request.user, other)
    merging.relate(incident, second, related=related, by=request.user, at=request.at)
    return list_related(request, number)
