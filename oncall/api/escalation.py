"""Who is paged for an incident, who was and who comes next; escalate now."""

from collections.abc import Iterable
from typing import Annotated, Any

from ninja import Query, Router
from pydantic import BaseModel, Field

from incidents import holding, visibility
from incidents.api import doors
from incidents.api.bodies import Label, Moment, OneOf, Text
from incidents.api.deeds import Deed
from incidents.api.doors import ApiRequest
from incidents.api.incidents import IncidentShape, fresh
from incidents.api.lists import Listing, Window, piece
from incidents.models import User
from incidents.states import Kind
from oncall import escalation, snoozing, standing
from oncall.api.policies import TargetShape, target_shape
from oncall.models import (
    Act,
    Channel,
    Condition,
    Delivery,
    DeliveryState,
    Escalation,
    EscalationStep,
    Page,
    RunState,
    Schedule,
    StepState,
)

router = Router(tags=["escalation"])

NOT_BEGUN = "about to begin"
NOBODY = "nobody is paged"


class DeliveryShape(BaseModel):
    """One message that carries a page."""

    channel: Annotated[str, OneOf(Channel)]
    state: Annotated[str, OneOf(DeliveryState)]
    attempts: int
    created_at: Moment
    sent_at: Moment | None
    error: str


class PageShape(BaseModel):
    """This person was paged or informed, and why."""

    id: int
    person: str
    act: Annotated[str, OneOf(Act)]
    level: int = Field(description="0 = the fallback contact.")
    loop: int
    reason: str
    created_at: Moment
    acknowledged_at: Moment | None
    ended_at: Moment | None
    deliveries: list[DeliveryShape]


class NextShape(BaseModel):
    """What comes next, unless somebody answers before."""

    level: int = Field(description="0 = the fallback contact.")
    due_at: Moment
    condition: Annotated[str, OneOf(Condition)]
    act: Annotated[str, OneOf(Act)]
    targets: list[TargetShape]
    whom: str = Field(description="The targets in words.")


class StepShape(BaseModel):
    """A level that fired, or that fired and was empty."""

    level: int
    loop: int
    severity: Label
    act: Annotated[str, OneOf(Act)]
    state: Annotated[str, OneOf(StepState)]
    due_at: Moment
    fired_at: Moment
    outcome: str


class EscalationShape(BaseModel):
    """Where the escalation of an incident stands: level 2 of 5, next in 3:12."""

    state: Annotated[str, OneOf(RunState)]
    why: str
    policy: str
    level: int = Field(description="The highest that this round has fired; 0 = none yet.")
    levels: int
    round: int
    rounds: int
    snoozed_until: Moment | None = Field(description="Nobody is called before; null = not snoozed.")
    policy_changed: bool = Field(description="The policy was edited since this copy of it was made.")
    next: NextShape | None
    history: list[StepShape]


class EscalateDeed(Deed):
    """Do not wait for the next level."""

    note: Text = ""


class SnoozeDeed(Deed):
    """Call nobody for a while; the ladder goes on by itself."""

    until: Moment
    note: Text = ""


NOTHING_SAID, SEEN = EscalateDeed(), Deed()


@router.get("/incidents/{int:number}/pages", response=Listing[PageShape], summary="Read the pages of an incident")
def list_pages(request: ApiRequest, number: int, window: Query[Window]) -> Listing[PageShape]:
    """In the order in which they were made, each with its deliveries."""
    incident = visibility.incident_for(request.user, number)
    rows = Page.objects.filter(incident=incident).select_related("person").prefetch_related("deliveries")
    return piece(request, rows, window, page_shape)


@router.get("/incidents/{int:number}/escalation", response=EscalationShape, summary="Where the escalation stands")
def get_escalation(request: ApiRequest, number: int) -> EscalationShape:
    """The present run, or the last one of an incident that is over."""
    incident = visibility.incident_for(request.user, number)
    found = standing.of(incident)
    if found.run is None:
        waits = incident.is_open and incident.kind not in Kind.silent
        state, why = (RunState.ACTIVE, NOT_BEGUN) if waits else (RunState.ENDED, NOBODY)
    else:
        state, why = RunState(found.state), found.why
    run = found.run
    severities = dict(Escalation.objects.filter(incident=incident).values_list("pk", "severity"))
    return EscalationShape(
        state=state.value,
        why=why,
        policy=found.run.policy_name if found.run else "",
        level=found.level,
        levels=found.levels,
        round=found.round,
        rounds=found.rounds,
        snoozed_until=run.snoozed_until if run else None,
        policy_changed=run is not None and run.state != RunState.ENDED and escalation.differs(run, incident),
        next=_next_shape(found.next) if found.next else None,
        history=[_step_shape(step, severities[step.run_id]) for step in found.history],
    )


@router.post("/incidents/{int:number}/escalate", response=IncidentShape, summary="Escalate now")
def escalate(request: ApiRequest, number: int, said: EscalateDeed = NOTHING_SAID) -> IncidentShape:
    """The next level is paged at once, whatever it waits for."""
    incident = doors.incident_to_act_on(request, number)
    escalation.escalate_now(incident, by=request.user, at=request.at, note=said.note, version=said.version)
    return fresh(request, number)


@router.post("/incidents/{int:number}/unacknowledge", response=IncidentShape, summary="Give it back")
def unacknowledge(request: ApiRequest, number: int, said: EscalateDeed = NOTHING_SAID) -> IncidentShape:
    """Nobody has it in hand any more: the ladder goes on at once. The first acknowledgement stays on record."""
    incident = doors.incident_to_act_on(request, number)
    holding.unacknowledge(incident, by=request.user, at=request.at, note=said.note, version=said.version)
    return fresh(request, number)


@router.post("/incidents/{int:number}/snooze", response=IncidentShape, summary="Call nobody until a moment")
def snooze(request: ApiRequest, number: int, said: SnoozeDeed) -> IncidentShape:
    """A week at most. An acknowledgement, “escalate” and another severity end it earlier."""
    incident = doors.incident_to_act_on(request, number)
    snoozing.snooze(incident, until=said.until, by=request.user, at=request.at, note=said.note, version=said.version)
    return fresh(request, number)


@router.post("/incidents/{int:number}/unsnooze", response=IncidentShape, summary="End the silence now")
def unsnooze(request: ApiRequest, number: int, said: Deed = SEEN) -> IncidentShape:
    """The ladder goes on at once."""
    incident = doors.incident_to_act_on(request, number)
    snoozing.unsnooze(incident, by=request.user, at=request.at, version=said.version)
    return fresh(request, number)


@router.post("/incidents/{int:number}/apply-policy", response=IncidentShape, summary="Follow the edited policy")
def apply_policy(request: ApiRequest, number: int, said: Deed = SEEN) -> IncidentShape:
    """What the old copy has fired is not fired again; a level that was mended comes at once."""
    incident = doors.incident_to_act_on(request, number)
    escalation.apply_policy(incident, by=request.user, at=request.at, version=said.version)
    return fresh(request, number)


def page_shape(page: Page) -> PageShape:
    """A page as the API shows it; its person and deliveries are loaded. Addresses are left out."""
    return PageShape(
        id=page.pk,
        person=page.person.email,
        act=page.act,
        level=page.level,
        loop=page.loop,
        reason=page.reason,
        created_at=page.created_at,
        acknowledged_at=page.acknowledged_at,
        ended_at=page.ended_at,
        deliveries=[_delivery_shape(each) for each in sorted(page.deliveries.all(), key=lambda each: each.pk)],
    )


def _delivery_shape(delivery: Delivery) -> DeliveryShape:
    return DeliveryShape(
        channel=delivery.channel,
        state=delivery.state,
        attempts=delivery.attempts,
        created_at=delivery.created_at,
        sent_at=delivery.sent_at,
        error=delivery.error,
    )


def _next_shape(coming: standing.Next) -> NextShape:
    return NextShape(
        level=coming.level,
        due_at=coming.due_at,
        condition=coming.condition,
        act=coming.act,
        targets=_targets(coming.targets),
        whom=coming.whom,
    )


def _targets(targets: Iterable[dict[str, Any]]) -> list[dict[str, str | bool]]:
    """Name what a run keeps by primary key (2 queries)."""
    targets = list(targets)
    schedules = Schedule.objects.filter(pk__in=[target.get("schedule") for target in targets if "schedule" in target])
    users = User.objects.filter(pk__in=[target.get("user") for target in targets if "user" in target])
    slugs = dict(schedules.values_list("pk", "slug"))
    emails = dict(users.values_list("pk", "email"))
    return [
        target_shape(
            target["kind"],
            slugs.get(target.get("schedule", 0)),
            emails.get(target.get("user", 0)),
            target.get("rank", ""),
        )
        for target in targets
    ]


def _step_shape(step: EscalationStep, level: int) -> StepShape:
    return StepShape(
        level=step.level,
        loop=step.loop,
        severity=f"P{level}",
        act=step.act,
        state=step.state,
        due_at=step.due_at,
        fired_at=step.fired_at,  # type: ignore[arg-type]  # history has fired steps alone
        outcome=step.outcome,
    )
