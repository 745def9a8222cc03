"""Action items: what is to be done, by whom, until when, and how it was seen to work."""

from datetime import date
from typing import Annotated, Any

from ninja import Query, Router, Status
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from incidents import visibility
from incidents.api import doors
from incidents.api.bodies import Body, Email, Moment, OneLine, OneOf, Text, person
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Incident, Scope
from incidents.refusals import Invalid
from postmortems import actions, tracking, worklist
from postmortems.actions import Ending, Plan
from postmortems.models import ActionItem, ActionKind, ActionStatus, Issue, Postmortem, Term, Tracker

router = Router(tags=["postmortems"])


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("Use a day, for example 2026-03-29.") from None
    return value


Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-03-29"]})
]
Title = Annotated[OneLine, Field(max_length=actions.LONGEST_TITLE)]
Causes = Annotated[list[int], Field(max_length=50)]
OF_PLAN = {"title": "title", "due": "due_date", "kind": "kind", "term": "term", "detail": "detail"}
OF_ENDING = ("status", "verified_how", "dropped_because")


class NewAction(Body):
    """Something to be done."""

    postmortem: int = Field(description="The number of the incident.")
    title: Title
    owner: Email
    due: Day | None = Field(default=None, description="Null = the deadline of the severity.")
    kind: Annotated[str, OneOf(ActionKind)] = ActionKind.PREVENT.value
    term: Annotated[str, OneOf(Term)] = Term.MEDIUM.value
    detail: Text = ""
    root_causes: Causes = Field(default=[], description="Ids of whys that are root causes of this postmortem.")


class ChangedAction(Body):
    """What changes; what is left out stays."""

    title: Title | None = None
    owner: Email | None = None
    due: Day | None = None
    kind: Annotated[str, OneOf(ActionKind)] | None = None
    term: Annotated[str, OneOf(Term)] | None = None
    detail: Text | None = None
    root_causes: Causes | None = None
    status: Annotated[str, OneOf(ActionStatus)] | None = None
    verified_how: Text | None = Field(default=None, description="Needed when it is done.")
    dropped_because: Text | None = Field(default=None, description="Needed when it is dropped.")
    version: int | None = Field(default=None, description="The one you saw; a newer one answers 409.")


class ActionShape(BaseModel):
    """Something that one person does until a day."""

    id: int
    postmortem: int = Field(description="The number of the incident.")
    title: str
    detail: str
    owner: str | None = Field(description="Null only where the house wrote it by itself and found nobody.")
    due: date
    kind: Annotated[str, OneOf(ActionKind)]
    term: Annotated[str, OneOf(Term)]
    root_causes: list[int]
    status: Annotated[str, OneOf(ActionStatus)]
    late: bool
    verified_how: str
    dropped_because: str
    created_at: Moment
    closed_at: Moment | None
    version: int


class Wanted(Window):
    """Which action items are wanted."""

    owner: str = ""
    postmortem: int | None = None
    status: Annotated[str, OneOf(ActionStatus)] | None = None
    late: bool = False


def action_shape(item: ActionItem) -> ActionShape:
    """An action item as the API shows it; its incident, owner and root causes are loaded, ``days_left`` is set."""
    return ActionShape(
        id=item.pk,
        postmortem=item.incident.number,
        title=item.title,
        detail=item.detail,
        owner=item.owner.email if item.owner else None,
        due=item.due_date,
        kind=item.kind,
        term=item.term,
        root_causes=[why.pk for why in item.root_causes.all()],
        status=item.status,
        late=item.is_unfinished and item.days_left < 0,  # type: ignore[attr-defined]
        verified_how=item.verified_how,
        dropped_because=item.dropped_because,
        created_at=item.created_at,
        closed_at=item.closed_at,
        version=item.version,
    )


@router.get("/action-items", response=Listing[ActionShape], summary="List the action items")
def list_actions(request: ApiRequest, wanted: Query[Wanted]) -> Listing[ActionShape]:
    """In the order in which they were written down."""
    items = worklist.visible_to(request.user)
    if wanted.owner:
        items = items.filter(owner__email__iexact=wanted.owner)
    if wanted.postmortem is not None:
        items = items.filter(incident__number=wanted.postmortem)
    if wanted.status:
        items = items.filter(status=wanted.status)
    if wanted.late:
        items = items.filter(worklist.late(request.at))
    return piece(request, items, wanted, lambda item: _shape(request, item))


@router.get("/action-items/{int:pk}", response=ActionShape, summary="Read one action item")
def get_action(request: ApiRequest, pk: int) -> ActionShape:
    """With the root causes that it takes away."""
    return _shape(request, worklist.visible_to(request.user).get(pk=pk))


@router.post("/action-items", response={201: ActionShape}, summary="Write an action item down")
def create_action(request: ApiRequest, said: NewAction) -> Status[ActionShape]:
    """It has one owner, who is told."""
    doors.require_scope(request, Scope.WRITE)
    incident = Incident.objects.visible_to(request.user).filter(number=said.postmortem).first()
    if incident is None or not Postmortem.objects.filter(incident=incident).exists():
        raise Invalid("postmortem", f"There is no postmortem of an incident {said.postmortem}, or none you may see.")
    visibility.require_responder(request.user)
    plan = Plan(
        title=said.title,
        owner=person(said.owner, "owner"),
        due_date=said.due,
        kind=said.kind,
        term=said.term,
        detail=said.detail,
        root_causes=tuple(said.root_causes),
    )
    item = actions.add(incident, plan, by=request.user, at=request.at)
    return Status(201, get_action(request, item.pk))


@router.patch("/action-items/{int:pk}", response=ActionShape, summary="Change or close an action item")
def change_action(request: ApiRequest, pk: int, said: ChangedAction) -> ActionShape:
    """Closing one asks how it was seen to work."""
    doors.require_scope(request, Scope.WRITE)
    item = worklist.visible_to(request.user).get(pk=pk)
    visibility.require_responder(request.user)
    given: dict[str, Any] = {name: value for name, value in said.model_dump().items() if value is not None}
    plan = vars(actions.plan_of(item)) | {ours: given[name] for name, ours in OF_PLAN.items() if name in given}
    if "owner" in given:
        plan["owner"] = person(given["owner"], "owner")
    if "root_causes" in given:
        plan["root_causes"] = tuple(given["root_causes"])
    ending = vars(actions.ending_of(item)) | {name: given[name] for name in OF_ENDING if name in given}
    actions.edit(item, Plan(**plan), Ending(**ending), by=request.user, at=request.at, version=said.version)
    return get_action(request, pk)


class Push(Body):
    """Where it goes."""

    tracker: Title = Field(description="The name of a tracker that an administrator has set up.")


class IssueShape(BaseModel):
    """An action item as it stands in a tracker."""

    tracker: str
    key: str = Field(description="Empty until it is made.")
    url: str
    closed: bool
    error: str


@router.get("/action-items/{int:pk}/issue", response=IssueShape, summary="The issue of an action item")
def get_issue(request: ApiRequest, pk: int) -> IssueShape:
    """404 while nobody has sent it to a tracker."""
    item = worklist.visible_to(request.user).get(pk=pk)
    issue = Issue.objects.select_related("tracker").get(action=item)
    return IssueShape(
        tracker=issue.tracker.name, key=issue.key, url=issue.url, closed=issue.is_closed, error=issue.last_error
    )


@router.post("/action-items/{int:pk}/issue", response={201: IssueShape}, summary="Send it to a tracker")
def create_issue(request: ApiRequest, pk: int, said: Push) -> Status[IssueShape]:
    """It is made within seconds; read it again to see its key."""
    doors.require_scope(request, Scope.WRITE)
    item = worklist.visible_to(request.user).get(pk=pk)
    visibility.require_responder(request.user)
    tracker = Tracker.objects.filter(name=said.tracker).first()
    if tracker is None:
        raise Invalid("tracker", "There is no such tracker.")
    tracking.push(item, tracker, by=request.user, at=request.at)
    return Status(201, get_issue(request, pk))


def _shape(request: ApiRequest, item: ActionItem) -> ActionShape:
    return action_shape(worklist.mark([item], request.at)[0])
