"""Runbooks of the services, and what is ticked of them and of the checklists in an incident."""

from datetime import date
from typing import Annotated

from ninja import Query, Router, Status
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from incidents import checking, runbooks, visibility
from incidents.api import catalog, doors
from incidents.api.bodies import Body, Moment, OneLine, OneOf, Slug, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece, whole
from incidents.models import Incident, Runbook, Scope
from incidents.states import Phase

router = Router(tags=["checklists and runbooks"])


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("Write a day as 2026-03-29.") from None
    return value


Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-03-29"]})
]


class RunbookBody(Body):
    """A runbook as it is to be."""

    service: Slug
    title: Annotated[OneLine, Field(max_length=120)]
    text: Annotated[Text, Field(min_length=1)] = Field(description="Markdown; “- [ ] ” begins a step to be ticked.")
    checked_on: Day | None = Field(default=None, description="When somebody last found it true.")
    active: bool = True


class RunbookShape(BaseModel):
    """What to do when a service fails."""

    id: int
    service: str
    title: str
    text: str
    steps: list[str]
    checked_on: date | None
    active: bool


class StepShape(BaseModel):
    """A step in an incident."""

    step: str
    ticked_by: str | None
    ticked_at: Moment | None


class UsedRunbook(BaseModel):
    """A runbook of an affected service, as far as it was gone through."""

    id: int
    service: str
    title: str
    steps: list[StepShape]


class ItemShape(BaseModel):
    """A line of a checklist in an incident."""

    id: int
    phase: Annotated[str, OneOf(Phase)]
    text: str
    hint: str
    ticked_by: str | None
    ticked_at: Moment | None


class Tick(Body):
    """Done, or not."""

    ticked: bool


class StepTick(Tick):
    """A step in the words that it has in the runbook."""

    step: Annotated[str, Field(min_length=1, max_length=runbooks.LONGEST_STEP)]


def runbook_shape(runbook: Runbook) -> RunbookShape:
    """A runbook as the API shows it; its service is loaded."""
    return RunbookShape(
        id=runbook.pk,
        service=runbook.service.slug,
        title=runbook.title,
        text=runbook.text,
        steps=runbooks.steps_of(runbook),
        checked_on=runbook.checked_on,
        active=runbook.is_active,
    )


def _used(runbook: Runbook, incident: Incident) -> UsedRunbook:
    steps = [
        StepShape(
            step=part.step,
            ticked_by=part.tick.by.email if part.tick else None,
            ticked_at=part.tick.at if part.tick else None,
        )
        for part in runbooks.parts_of(runbook, incident)
        if part.step
    ]
    return UsedRunbook(id=runbook.pk, service=runbook.service.slug, title=runbook.title, steps=steps)


def _items(incident: Incident) -> list[ItemShape]:
    return [
        ItemShape(
            id=line.item.pk,
            phase=line.item.phase,
            text=line.item.text,
            hint=line.item.hint,
            ticked_by=line.tick.by.email if line.tick else None,
            ticked_at=line.tick.at if line.tick else None,
        )
        for lines in checking.of(incident).values()
        for line in lines
    ]


@router.get("/runbooks", response=Listing[RunbookShape], summary="List the runbooks")
def list_runbooks(request: ApiRequest, window: Query[Window]) -> Listing[RunbookShape]:
    """In the order in which they were added, retired ones included."""
    return piece(request, Runbook.objects.select_related("service"), window, runbook_shape)


@router.post("/runbooks", response={201: RunbookShape}, summary="Add a runbook")
def create_runbook(request: ApiRequest, said: RunbookBody) -> Status[RunbookShape]:
    """For administrators and the team's managers."""
    return Status(201, runbook_shape(_write(request, said, None)))


@router.put("/runbooks/{int:runbook}", response=RunbookShape, summary="Write a runbook anew")
def put_runbook(request: ApiRequest, runbook: int, said: RunbookBody) -> RunbookShape:
    """Ticks of earlier incidents keep the words of their steps."""
    row = Runbook.objects.select_related("service__team").get(pk=runbook)
    doors.require_manager(request, row.service.team)
    return runbook_shape(_write(request, said, row))


def _write(request: ApiRequest, said: RunbookBody, row: Runbook | None) -> Runbook:
    doors.require_scope(request, Scope.WRITE)
    service = catalog.service_named(said.service)
    doors.require_manager(request, service.team)
    return runbooks.write(
        service=service,
        title=said.title,
        text=said.text,
        checked_on=said.checked_on,
        is_active=said.active,
        runbook=row,
    )


@router.get("/incidents/{int:number}/runbooks", response=Listing[UsedRunbook], summary="Read the runbooks")
def list_used_runbooks(request: ApiRequest, number: int) -> Listing[UsedRunbook]:
    """Of all affected services, the incident's own service first."""
    incident = visibility.incident_for(request.user, number)
    return whole([_used(row, incident) for row in runbooks.offered(incident)])


@router.put("/incidents/{int:number}/runbooks/{int:runbook}/steps", response=UsedRunbook, summary="Tick a step")
def put_step(request: ApiRequest, number: int, runbook: int, said: StepTick) -> UsedRunbook:
    """Or take the tick back."""
    incident = doors.incident_to_act_on(request, number)
    row = runbooks.offered(incident).get(pk=runbook)
    runbooks.tick(incident, row.pk, said.step, ticked=said.ticked, by=request.user, at=request.at)
    return _used(row, incident)


@router.get("/incidents/{int:number}/checklist", response=Listing[ItemShape], summary="Read the checklist")
def list_checklist(request: ApiRequest, number: int) -> Listing[ItemShape]:
    """Of all phases, as the incident's level asks for it."""
    return whole(_items(visibility.incident_for(request.user, number)))


@router.put("/incidents/{int:number}/checklist/{int:item}", response=ItemShape, summary="Tick a line")
def put_item(request: ApiRequest, number: int, item: int, said: Tick) -> ItemShape:
    """Or take the tick back."""
    incident = doors.incident_to_act_on(request, number)
    checking.tick(incident, item, ticked=said.ticked, by=request.user, at=request.at)
    return next(row for row in _items(incident) if row.id == item)
