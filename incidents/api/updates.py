"""Updates in three parts."""

from typing import Annotated

from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents import updates, visibility
from incidents.api import doors
from incidents.api.bodies import Body, Moment, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import TimelineEntry

router = Router(tags=["updates"])


class NewUpdate(Body):
    """How it stands."""

    conditions: Annotated[Text, Field(min_length=1, max_length=updates.LONGEST["conditions"])] = Field(
        description="What users and systems go through now."
    )
    actions: Annotated[Text, Field(max_length=updates.LONGEST["actions"])] = Field(
        default="", description="Who does what about it."
    )
    needs: Annotated[Text, Field(max_length=updates.LONGEST["needs"])] = Field(
        default="", description="What is missing."
    )
    at: Moment | None = Field(default=None, description="When it was so; null = now.")
    seen: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = Field(
        default=None, description="``seq`` of the last update you know; a newer one answers 409."
    )


class UpdateShape(BaseModel):
    """An update. One that was written in one piece has conditions alone."""

    seq: int = Field(description="Its number on the timeline.")
    conditions: str
    actions: str
    needs: str
    by: str | None
    at: Moment
    next_by: Moment | None = Field(description="When the next one was promised; null = none was.")


def update_shape(entry: TimelineEntry) -> UpdateShape:
    """An update as the API shows it; its writer is loaded."""
    parts = updates.parts_of(entry)
    return UpdateShape(
        seq=entry.seq,
        conditions=parts.conditions,
        actions=parts.actions,
        needs=parts.needs,
        by=entry.actor.email if entry.actor else None,
        at=entry.occurred_at,
        next_by=entry.data.get("next_by"),
    )


@router.get("/incidents/{int:number}/updates", response=Listing[UpdateShape], summary="Read the updates")
def list_updates(request: ApiRequest, number: int, window: Query[Window]) -> Listing[UpdateShape]:
    """In the order in which they were true; the last one is the incident's summary."""
    rows = updates.story(visibility.incident_for(request.user, number))
    return piece(request, rows, window, update_shape, by=("occurred_at", "seq", "pk"))


@router.post("/incidents/{int:number}/updates", response={201: UpdateShape}, summary="Post an update")
def post_update(request: ApiRequest, number: int, said: NewUpdate) -> Status[UpdateShape]:
    """Becomes the incident's summary; the next update is promised from here."""
    entry = updates.post(
        doors.incident_to_act_on(request, number),
        updates.Said(said.conditions, said.actions, said.needs),
        by=request.user,
        at=request.at,
        occurred_at=said.at,
        seen=said.seen,
    )
    return Status(201, update_shape(entry))
