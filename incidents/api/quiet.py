"""Maintenance and silences: times in which alerts are stored and page nobody."""

from typing import Annotated

from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents import maintenance, silencing
from incidents.api import catalog, doors
from incidents.api.bodies import Body, Moment, OneLine, Slug, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Maintenance, Scope, Service, Silence

router = Router(tags=["maintenance and silences"])


class MaintenanceBody(Body):
    """A window as it is to be."""

    title: Annotated[OneLine, Field(max_length=120)]
    services: Annotated[list[Slug], Field(min_length=1, max_length=500)]
    start: Moment
    end: Moment
    note: Text = ""


class MaintenanceShape(BaseModel):
    """A window."""

    id: int
    title: str
    services: list[str]
    start: Moment
    end: Moment
    note: str
    state: str = Field(description="upcoming, running, over or cancelled.")
    by: str


class SilenceBody(Body):
    """Which alerts stay quiet, until when, and why."""

    service: Slug
    conditions: Text = Field(default="", description="One a line, all must be met: host ~ web-*; empty = every alert.")
    start: Moment | None = Field(default=None, description="Left out = now.")
    end: Moment
    reason: Annotated[OneLine, Field(max_length=200)]


class SilenceShape(BaseModel):
    """A silence."""

    id: int
    service: str
    conditions: str
    start: Moment
    end: Moment
    reason: str
    state: str = Field(description="upcoming, running, over or cancelled.")
    by: str


def _window(request: ApiRequest, row: Maintenance) -> MaintenanceShape:
    return MaintenanceShape(
        id=row.pk,
        title=row.title,
        services=sorted(service.slug for service in row.services.all()),
        start=row.start,
        end=row.end,
        note=row.note,
        state=row.state(request.at),
        by=row.by.email,
    )


def _silence(request: ApiRequest, row: Silence) -> SilenceShape:
    return SilenceShape(
        id=row.pk,
        service=row.service.slug,
        conditions=row.conditions,
        start=row.start,
        end=row.end,
        reason=row.reason,
        state=row.state(request.at),
        by=row.by.email,
    )


def _services(slugs: list[str]) -> list[Service]:
    return [catalog.service_named(slug, f"services.{place}") for place, slug in enumerate(slugs)]


def _found(pk: int) -> Maintenance:
    return Maintenance.objects.select_related("by").prefetch_related("services").get(pk=pk)


@router.get("/maintenance", response=Listing[MaintenanceShape], summary="List the maintenance windows")
def list_maintenance(request: ApiRequest, window: Query[Window]) -> Listing[MaintenanceShape]:
    """All of them, those that are over included."""
    rows = Maintenance.objects.select_related("by").prefetch_related("services")
    return piece(request, rows, window, lambda row: _window(request, row))


@router.post("/maintenance", response={201: MaintenanceShape}, summary="Plan maintenance")
def create_maintenance(request: ApiRequest, said: MaintenanceBody) -> Status[MaintenanceShape]:
    """For managers of all owning teams and administrators."""
    services = _services(said.services)
    _require_managers(request, services)
    row = maintenance.plan(
        title=said.title,
        services=services,
        start=said.start,
        end=said.end,
        note=said.note,
        by=request.user,
        at=request.at,
    )
    return Status(201, _window(request, row))


@router.get("/maintenance/{int:number}", response=MaintenanceShape, summary="Read one window")
def get_maintenance(request: ApiRequest, number: int) -> MaintenanceShape:
    """With its state now."""
    return _window(request, _found(number))


@router.put("/maintenance/{int:number}", response=MaintenanceShape, summary="Change a window")
def put_maintenance(request: ApiRequest, number: int, said: MaintenanceBody) -> MaintenanceShape:
    """While it is not over; the start of one that runs stays."""
    row, services = _found(number), _services(said.services)
    _require_managers(request, [*row.services.all(), *services])
    maintenance.change(
        row,
        title=said.title,
        services=services,
        start=said.start,
        end=said.end,
        note=said.note,
        by=request.user,
        at=request.at,
    )
    return _window(request, _found(number))


@router.post("/maintenance/{int:number}/end", response=MaintenanceShape, summary="End a window now")
def end_maintenance(request: ApiRequest, number: int) -> MaintenanceShape:
    """Or call it off. What is still open pages with the next tick."""
    row = _found(number)
    _require_managers(request, list(row.services.all()))
    maintenance.end(row, by=request.user, at=request.at)
    return _window(request, _found(number))


@router.get("/silences", response=Listing[SilenceShape], summary="List the silences")
def list_silences(request: ApiRequest, window: Query[Window]) -> Listing[SilenceShape]:
    """All of them, those that are over included."""
    rows = Silence.objects.select_related("by", "service")
    return piece(request, rows, window, lambda row: _silence(request, row))


@router.post("/silences", response={201: SilenceShape}, summary="Silence alerts")
def create_silence(request: ApiRequest, said: SilenceBody) -> Status[SilenceShape]:
    """For members of the owning team and administrators; seven days at most."""
    doors.require_scope(request, Scope.WRITE)
    row = silencing.silence(
        service=catalog.service_named(said.service),
        conditions_text=said.conditions,
        start=said.start,
        end=said.end,
        reason=said.reason,
        by=request.user,
        at=request.at,
    )
    return Status(201, _silence(request, row))


@router.get("/silences/{int:number}", response=SilenceShape, summary="Read one silence")
def get_silence(request: ApiRequest, number: int) -> SilenceShape:
    """With its state now."""
    return _silence(request, Silence.objects.select_related("by", "service").get(pk=number))


@router.post("/silences/{int:number}/end", response=SilenceShape, summary="End a silence now")
def end_silence(request: ApiRequest, number: int) -> SilenceShape:
    """Or call it off. What it held back pages with the next tick."""
    doors.require_scope(request, Scope.WRITE)
    silencing.end(Silence.objects.get(pk=number), by=request.user, at=request.at)
    return _silence(request, Silence.objects.select_related("by", "service").get(pk=number))


def _require_managers(request: ApiRequest, services: list[Service]) -> None:
    for team in {service.team_id: service.team for service in services}.values():
        doors.require_manager(request, team)
