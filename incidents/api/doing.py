"""Decisions with their objections, and what is tried to stop the bleeding."""

from typing import Annotated

from ninja import Router, Status
from pydantic import BaseModel, Field

from incidents import deciding, remedies, visibility
from incidents.api import bodies, doors
from incidents.api.bodies import Body, Email, Moment, OneOf, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, whole
from incidents.models import Decision, Incident, MitigationAction, Remedy, Worked
from incidents.refusals import Invalid

router = Router(tags=["doing"])


class NewDecision(Body):
    """What is decided, or asked."""

    text: Annotated[Text, Field(min_length=1, max_length=1000)]
    ask: bool = Field(default=False, description="Ask everybody for strong objections first, for 60 seconds.")


class NewObjection(Body):
    """Why one objects strongly."""

    why: Annotated[Text, Field(min_length=1, max_length=500)]


class Settling(Body):
    """The commander's answer."""

    heard: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None, description="How many objections you have read; one more answers 409."
    )


class ObjectionShape(BaseModel):
    """Somebody's strong objection."""

    person: str
    at: Moment
    text: str


class DecisionShape(BaseModel):
    """A decision, or a question that waits for one."""

    id: int
    text: str
    state: str = Field(description="asked, decided or withdrawn.")
    asked_at: Moment | None = Field(description="null = it was decided at once.")
    asked_by: str | None
    objections_until: Moment | None
    objections: list[ObjectionShape]
    decided_at: Moment | None
    decided_by: str | None


class NewAction(Body):
    """What is tried."""

    text: Annotated[Text, Field(min_length=1, max_length=300)]
    remedy: Annotated[str, OneOf(Remedy)] = Remedy.OTHER.value
    owner: Email | None = Field(default=None, description="null = you.")
    at: Moment | None = Field(default=None, description="When it was begun; null = now.")


class ActionEnd(Body):
    """What came of it."""

    worked: Annotated[str, OneOf(Worked)]
    outcome: Annotated[Text, Field(max_length=300)] = ""
    at: Moment | None = None


class ActionShape(BaseModel):
    """A mitigation action."""

    id: int
    remedy: Annotated[str, OneOf(Remedy)]
    text: str
    owner: str
    started_at: Moment
    finished_at: Moment | None
    worked: str = Field(description="yes, no, unknown; empty = it is under way.")
    outcome: str


SETTLE = Settling()


def decision_shape(decision: Decision) -> DecisionShape:
    """A decision as the API shows it; its people and objections are loaded."""
    state = "decided" if decision.decided_at else "withdrawn" if decision.withdrawn_at else "asked"
    return DecisionShape(
        id=decision.pk,
        state=state,
        asked_by=decision.asked_by.email if decision.asked_by else None,
        decided_by=decision.decided_by.email if decision.decided_by else None,
        objections=[
            ObjectionShape(person=row.person.email, at=row.at, text=row.text) for row in decision.objections.all()
        ],
        **{name: getattr(decision, name) for name in ("text", "asked_at", "objections_until", "decided_at")},
    )


def action_shape(action: MitigationAction) -> ActionShape:
    """An action as the API shows it; its owner is loaded."""
    copied = ("remedy", "text", "started_at", "finished_at", "worked", "outcome")
    return ActionShape(id=action.pk, owner=action.owner.email, **{name: getattr(action, name) for name in copied})


def _decision(incident: Incident, pk: int) -> DecisionShape:
    rows = Decision.objects.filter(incident=incident).select_related("asked_by", "decided_by")
    return decision_shape(rows.prefetch_related("objections__person").get(pk=pk))


@router.get("/incidents/{int:number}/decisions", response=Listing[DecisionShape], summary="Read the decisions")
def list_decisions(request: ApiRequest, number: int) -> Listing[DecisionShape]:
    """And the questions, the oldest first."""
    incident = visibility.incident_for(request.user, number)
    return whole([decision_shape(row) for row in deciding.of(incident)])


@router.post("/incidents/{int:number}/decisions", response={201: DecisionShape}, summary="Decide, or ask first")
def add_decision(request: ApiRequest, number: int, said: NewDecision) -> Status[DecisionShape]:
    """The commander decides; where nobody commands, whoever does. Anybody may ask for strong objections."""
    incident = doors.incident_to_act_on(request, number)
    deed = deciding.ask if said.ask else deciding.decide
    made = deed(incident, said.text, by=request.user, at=request.at)
    return Status(201, _decision(incident, made.pk))


@router.post(
    "/incidents/{int:number}/decisions/{int:decision}/objections",
    response={201: DecisionShape},
    summary="Object strongly",
)
def add_objection(request: ApiRequest, number: int, decision: int, said: NewObjection) -> Status[DecisionShape]:
    """Also after the minute, as long as nothing is decided."""
    incident = doors.incident_to_act_on(request, number)
    known = _decision(incident, decision)
    deciding.object_to(incident, known.id, said.why, by=request.user, at=request.at)
    return Status(201, _decision(incident, decision))


@router.post(
    "/incidents/{int:number}/decisions/{int:decision}/{answer}",
    response=DecisionShape,
    summary="Decide or withdraw what was asked",
)
def settle_decision(
    request: ApiRequest, number: int, decision: int, answer: str, said: Settling = SETTLE
) -> DecisionShape:
    """``decide``, by the commander, or ``withdraw``, also by whoever asked."""
    incident = doors.incident_to_act_on(request, number)
    if answer not in {"decide", "withdraw"}:
        raise Invalid("answer", "Answer with decide or withdraw.")
    known = _decision(incident, decision)
    if answer == "decide":
        deciding.settle(incident, known.id, by=request.user, at=request.at, heard=said.heard)
    else:
        deciding.withdraw(incident, known.id, by=request.user, at=request.at)
    return _decision(incident, decision)


@router.get("/incidents/{int:number}/actions", response=Listing[ActionShape], summary="Read what was tried")
def list_actions(request: ApiRequest, number: int) -> Listing[ActionShape]:
    """In the order in which it was begun."""
    incident = visibility.incident_for(request.user, number)
    return whole([action_shape(row) for row in remedies.of(incident)])


@router.post("/incidents/{int:number}/actions", response={201: ActionShape}, summary="Say what is tried")
def start_action(request: ApiRequest, number: int, said: NewAction) -> Status[ActionShape]:
    """Against the bleeding, not the cause."""
    incident = doors.incident_to_act_on(request, number)
    made = remedies.start(
        incident,
        remedy=said.remedy,
        text=said.text,
        owner=bodies.person(said.owner, "owner") if said.owner else request.user,
        by=request.user,
        at=request.at,
        occurred_at=said.at,
    )
    return Status(201, action_shape(made))


@router.post("/incidents/{int:number}/actions/{int:action}", response=ActionShape, summary="Say whether it worked")
def finish_action(request: ApiRequest, number: int, action: int, said: ActionEnd) -> ActionShape:
    """What was unknown may become known later."""
    incident = doors.incident_to_act_on(request, number)
    row = MitigationAction.objects.get(incident=incident, pk=action)
    ended = remedies.finish(
        incident, row.pk, worked=said.worked, by=request.user, at=request.at, outcome=said.outcome, occurred_at=said.at
    )
    return action_shape(ended)
