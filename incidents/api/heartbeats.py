"""Heartbeats: how they are, and what they are waited for."""

from datetime import timedelta

from ninja import Query, Router
from pydantic import BaseModel, Field

from incidents import heartbeats
from incidents.api import doors
from incidents.api.bodies import Body, Moment, Seconds, seconds
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Heartbeat, Integration, IntegrationKind

router = Router(tags=["heartbeats"])


class HeartbeatBody(Body):
    """What a heartbeat is waited for."""

    period: Seconds = Field(description="Seconds; the longest time between two signs of life.")
    grace: Seconds = Field(default=60, description="Seconds; so much later it may be.")
    muted: bool = False


class HeartbeatShape(BaseModel):
    """A heartbeat."""

    integration: int
    name: str
    service: str
    period: int
    grace: int
    muted: bool
    state: str = Field(description="new, on time, late, running, missing, failed or muted.")
    heard_at: Moment | None
    due_at: Moment | None = Field(description="Missing from then on; null = not waited for.")


def _shape(request: ApiRequest, row: Heartbeat) -> HeartbeatShape:
    return HeartbeatShape(
        integration=row.integration_id,
        name=row.integration.name,
        service=row.integration.service.slug,
        period=seconds(row.period),
        grace=seconds(row.grace),
        muted=row.muted,
        state=row.state(request.at),
        heard_at=row.heard_at,
        due_at=row.due_at,
    )


@router.get("/heartbeats", response=Listing[HeartbeatShape], summary="List the heartbeats")
def list_heartbeats(request: ApiRequest, window: Query[Window]) -> Listing[HeartbeatShape]:
    """Those that were configured or heard of."""
    rows = Heartbeat.objects.select_related("integration__service")
    return piece(request, rows, window, lambda row: _shape(request, row))


@router.put("/heartbeats/{int:number}", response=HeartbeatShape, summary="Say what a heartbeat is waited for")
def put_heartbeat(request: ApiRequest, number: int, said: HeartbeatBody) -> HeartbeatShape:
    """For administrators and the team's managers."""
    door = Integration.objects.select_related("service__team").get(pk=number, kind=IntegrationKind.HEARTBEAT)
    doors.require_manager(request, door.service.team)
    row = heartbeats.configure(
        door,
        period=timedelta(seconds=said.period),
        grace=timedelta(seconds=said.grace),
        muted=said.muted,
        by=request.user,
        at=request.at,
    )
    return _shape(request, row)
