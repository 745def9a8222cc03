"""The roles of an incident: who holds each since when; give one, hand one over, take command."""

from typing import Annotated

from ninja import Router
from pydantic import BaseModel, Field

from incidents import crew, roles, visibility
from incidents.api import bodies, doors
from incidents.api.bodies import Body, Level, Moment, OneOf
from incidents.api.deeds import Deed
from incidents.api.doors import ApiRequest
from incidents.api.incidents import IncidentShape, fresh
from incidents.api.lists import Listing, whole
from incidents.models import Handover, Incident, Role
from incidents.refusals import Invalid, TransitionError

router = Router(tags=["roles"])

Email = Annotated[str, Field(max_length=254)]


class Turn(BaseModel):
    """A person held the role for a time."""

    person: str
    since: Moment
    until: Moment | None = Field(description="null = holds it now.")
    how: str = Field(description="joined, assigned or handed over.")


class RoleShape(BaseModel):
    """One of the five roles of an incident."""

    role: Annotated[str, OneOf(Role)]
    name: str
    person: str | None = Field(description="E-mail address; null = nobody.")
    since: Moment | None
    asked: bool = Field(description="The incident's severity asks for it.")
    history: list[Turn] = Field(description="The oldest turn first, the present one last.")


class Holder(Deed):
    """Who is to hold a role."""

    person: Email | None = Field(description="E-mail address; null empties the role.")


class Offer(Deed):
    """Who is asked to take a role over."""

    person: Email


class HandoverShape(BaseModel):
    """A role on offer, with the briefing of that moment."""

    id: int
    role: Annotated[str, OneOf(Role)]
    giver: str
    receiver: str
    briefing: str = Field(description="Markdown.")
    offered_at: Moment
    settled_at: Moment | None
    outcome: str = Field(description="accepted, declined or withdrawn; empty = it waits.")


class Command(Deed):
    """The commander's one gesture."""

    severity: Level
    bridge: Annotated[str, Field(max_length=300)] = Field(default="", description="Where people talk.")
    reason: Annotated[str, Field(max_length=2000)] = ""


class Work(Body):
    """What a person works on."""

    what: Annotated[str, Field(max_length=160)]


def role_shape(slot: crew.Slot) -> RoleShape:
    """A role as the API shows it."""
    return RoleShape(
        role=slot.card.role,
        name=slot.card.name,
        person=slot.holder.person.email if slot.holder else None,
        since=slot.holder.since if slot.holder else None,
        asked=slot.asked,
        history=[Turn(person=row.person.email, since=row.since, until=row.until, how=row.how) for row in slot.history],
    )


def handover_shape(offered: Handover) -> HandoverShape:
    """A hand-over as the API shows it; its people are loaded."""
    copied = ("role", "briefing", "offered_at", "settled_at", "outcome")
    return HandoverShape(
        id=offered.pk,
        giver=offered.giver.email,
        receiver=offered.receiver.email,
        **{name: getattr(offered, name) for name in copied},
    )


def _slot(incident: Incident, role: str) -> RoleShape:
    return next(role_shape(slot) for slot in crew.read(incident, ()).slots if slot.card.role == role)


def _known(role: str) -> Role:
    if role not in Role.values:
        raise Invalid("role", f"There is no role “{role}”. Use one of: {', '.join(Role.values)}.")
    return Role(role)


@router.get("/incidents/{int:number}/roles", response=Listing[RoleShape], summary="Read who holds which role")
def list_roles(request: ApiRequest, number: int) -> Listing[RoleShape]:
    """All five, in their order, held or not."""
    incident = visibility.incident_for(request.user, number)
    return whole([role_shape(slot) for slot in crew.read(incident, ()).slots])


@router.put("/incidents/{int:number}/roles/{role}", response=RoleShape, summary="Give a role")
def put_role(request: ApiRequest, number: int, role: str, said: Holder) -> RoleShape:
    """At once; the person is told. To let them accept with a briefing, hand it over instead."""
    incident, wanted = doors.incident_to_act_on(request, number), _known(role)
    if said.person is None:
        roles.release(incident, wanted, by=request.user, at=request.at, version=said.version)
    else:
        person = bodies.person(said.person, "person")
        held = roles.current(incident, wanted)
        if held is None or held.person_id != person.pk:
            roles.assign(incident, wanted, person, by=request.user, at=request.at, version=said.version)
    return _slot(incident, wanted)


@router.post("/incidents/{int:number}/roles/{role}/handover", response=HandoverShape, summary="Hand a role over")
def offer_role(request: ApiRequest, number: int, role: str, said: Offer) -> HandoverShape:
    """The receiver gets a briefing; the role changes hands when they accept."""
    incident, person = doors.incident_to_act_on(request, number), bodies.person(said.person, "person")
    return handover_shape(
        roles.offer(incident, _known(role), person, by=request.user, at=request.at, version=said.version)
    )


@router.post(
    "/incidents/{int:number}/handovers/{int:handover}/{answer}",
    response=HandoverShape,
    summary="Accept or decline what was handed over",
)
def answer_handover(request: ApiRequest, number: int, handover: int, answer: str) -> HandoverShape:
    """``accept`` or ``decline``; whoever offered it withdraws it by declining."""
    incident = doors.incident_to_act_on(request, number)
    if answer not in {"accept", "decline"}:
        raise TransitionError("Answer with accept or decline.")
    roles.answer(incident, handover, accept=answer == "accept", by=request.user, at=request.at)
    return handover_shape(Handover.objects.select_related("giver", "receiver").get(pk=handover))


@router.post("/incidents/{int:number}/command", response=IncidentShape, summary="Take command")
def take_command(request: ApiRequest, number: int, said: Command) -> IncidentShape:
    """Confirms the severity, opens the room, asks for the roles."""
    roles.take_command(
        doors.incident_to_act_on(request, number),
        severity=bodies.severity(said.severity),
        bridge=said.bridge,
        reason=said.reason,
        by=request.user,
        at=request.at,
        version=said.version,
    )
    return fresh(request, number)


@router.put("/incidents/{int:number}/working-on", response=IncidentShape, summary="Say what you work on")
def put_working_on(request: ApiRequest, number: int, said: Work) -> IncidentShape:
    """Everybody on the page sees it; empty = nothing in particular."""
    roles.work_on(doors.incident_to_act_on(request, number), said.what, by=request.user, at=request.at)
    return fresh(request, number)
