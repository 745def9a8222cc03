"""Escalation policies: who is told or paged when."""

from datetime import timedelta
from typing import Annotated, Literal

from django.db.models import QuerySet
from ninja import Query, Router, Status
from pydantic import BaseModel, Field, WithJsonSchema, model_validator

from incidents.api import doors
from incidents.api.bodies import (
    Body,
    Email,
    Label,
    Level,
    Name,
    OneLine,
    OneOf,
    Seconds,
    Slug,
    person,
    seconds,
    severity,
)
from incidents.api.catalog import service_named
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Rank, Scope, Service
from incidents.refusals import Invalid
from oncall import policies
from oncall.models import (
    Act,
    Condition,
    EscalationLevel,
    EscalationPolicy,
    EscalationTarget,
    Hours,
    Schedule,
    TargetKind,
)

router = Router(tags=["escalation policies"])

HOURS = "Pass over those who are off: person = by their own clock, schedule = by the schedule's; empty = at any hour."


class Target(Body):
    """Whom a level reaches: exactly one of these."""

    model_config = {"json_schema_extra": {"minProperties": 1, "maxProperties": 1}}

    schedule: Slug | None = Field(default=None, description="Whoever is on call in this schedule.")
    user: Email | None = None
    rank: Annotated[str, OneOf(Rank)] | None = Field(
        default=None, description="Everyone of this rank in the owning teams."
    )
    chain: Literal[True] | None = Field(default=None, description="The whole chain of the owning teams.")
    on_call: Literal[True] | None = Field(default=None, description="Whoever is on call for the owning teams.")

    @model_validator(mode="after")
    def one_of_them(self) -> "Target":
        """Refuse none and several."""
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("Name exactly one of schedule, user, rank, chain and on_call.")
        return self


TargetShape = Annotated[
    dict[str, str | bool],
    WithJsonSchema(
        {
            "title": "Target",
            "type": "object",
            "description": "Whom a level reaches: one of schedule (slug), user (e-mail), rank, chain and on_call.",
            "properties": {
                "schedule": {"type": "string"},
                "user": {"type": "string"},
                "rank": {"type": "string", "enum": list(Rank.values)},
                "chain": {"const": True},
                "on_call": {"const": True},
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        }
    ),
]


class NewLevel(Body):
    """A rung to be."""

    after: Seconds = 0
    condition: Annotated[str, OneOf(Condition)] = Condition.UNACKNOWLEDGED.value
    act: Annotated[str, OneOf(Act)] = Act.PAGE.value
    targets: Annotated[list[Target], Field(min_length=1, max_length=50)]
    business_hours: bool = Field(default=False, description="Count the delay in the owning team's business hours.")
    hours: Annotated[str, OneOf(Hours)] = Field(default="", description=HOURS)
    round_robin: bool = Field(default=False, description="Page one of them, in turn.")
    everyone: bool = Field(default=False, description="An answer stops only the person who gives it.")
    task_title: Annotated[OneLine, Field(max_length=200)] | Literal[""] = ""
    proposes: Level | None = Field(default=None, description="A severity that the level proposes on the incident.")


class LevelShape(BaseModel):
    """A rung: so many seconds after the start of the contract."""

    after: int
    condition: Annotated[str, OneOf(Condition)]
    act: Annotated[str, OneOf(Act)]
    targets: list[TargetShape]
    business_hours: bool
    hours: Annotated[str, OneOf(Hours)]
    round_robin: bool
    everyone: bool
    task_title: str
    proposes: Label | None


class NewPolicy(Body):
    """A ladder to be."""

    slug: Slug
    name: Name
    service: Slug | None = Field(default=None, description="Null = every service.")
    severity: Level | None = Field(default=None, description="Null = levels without a policy of their own.")
    repeat: Annotated[int, Field(ge=0, le=20)] = 0
    repeat_after: Seconds = 300
    falls_back: bool = Field(default=True, description="Page the fallback contact when nobody answers.")
    resume_after: Seconds = Field(
        default=300, description="Who acknowledged and stays silent is asked again; so long after that it goes on."
    )
    levels: Annotated[list[NewLevel], Field(min_length=1, max_length=50)]


class PolicyShape(BaseModel):
    """A ladder. The most specific one of (service, severity) is copied when an incident begins."""

    slug: str
    name: str
    service: str | None
    severity: Label | None
    repeat: int
    repeat_after: int
    falls_back: bool
    resume_after: int
    active: bool
    levels: list[LevelShape]


class PolicyChange(Body):
    """What is to be different from now on; what is left out stays. Runs under way keep their copy."""

    name: Name | None = None
    active: bool | None = Field(default=None, description="A retired policy makes room for another of its kind.")


@router.post("/escalation-policies", response={201: PolicyShape}, summary="Establish a policy")
def create_policy(request: ApiRequest, said: NewPolicy) -> Status[PolicyShape]:
    """A service's own is for its team's managers too; one for every service is for administrators."""
    doors.require_scope(request, Scope.WRITE)
    service = service_named(said.service) if said.service else None
    _require_right(request, service)
    policy = EscalationPolicy(
        slug=said.slug,
        name=said.name,
        service=service,
        severity=None if said.severity is None else severity(said.severity),
        repeat=said.repeat,
        repeat_after=timedelta(seconds=said.repeat_after),
        falls_back=said.falls_back,
        resume_after=timedelta(seconds=said.resume_after),
    )
    levels = [_level(level, f"levels.{place}") for place, level in enumerate(said.levels)]
    policies.establish(policy, levels)
    return Status(201, get_policy(request, policy.slug))


@router.get("/escalation-policies", response=Listing[PolicyShape], summary="List the policies")
def list_policies(request: ApiRequest, window: Query[Window]) -> Listing[PolicyShape]:
    """The shipped ones included, in the order in which they were made."""
    return piece(request, _loaded(), window, shape)


@router.get("/escalation-policies/{slug}", response=PolicyShape, summary="Read one policy")
def get_policy(request: ApiRequest, slug: str) -> PolicyShape:
    """With its levels in their order."""
    return shape(_loaded().get(slug=slug))


@router.patch("/escalation-policies/{slug}", response=PolicyShape, summary="Rename, retire or revive a policy")
def edit_policy(request: ApiRequest, slug: str, said: PolicyChange) -> PolicyShape:
    """Levels are not edited: retire the policy and establish another."""
    doors.require_scope(request, Scope.WRITE)
    policy = _loaded().get(slug=slug)
    _require_right(request, policy.service)
    wanted = said.model_dump(include={"name"}, exclude_none=True)
    if said.active is not None:
        wanted["is_active"] = said.active
    policies.edit(policy, **wanted)
    return get_policy(request, slug)


def shape(policy: EscalationPolicy) -> PolicyShape:
    """A policy as the API shows it; see ``_loaded``."""
    return PolicyShape(
        slug=policy.slug,
        name=policy.name,
        service=policy.service.slug if policy.service else None,
        severity=None if policy.severity_id is None else f"P{policy.severity_id}",
        repeat=policy.repeat,
        repeat_after=seconds(policy.repeat_after),
        falls_back=policy.falls_back,
        resume_after=seconds(policy.resume_after),
        active=policy.is_active,
        levels=[_level_shape(level) for level in sorted(policy.levels.all(), key=lambda level: level.position)],
    )


def target_shape(kind: str, schedule: str | None, user: str | None, rank: str) -> dict[str, str | bool]:
    """A target as the API shows it: ``schedule`` is a slug, ``user`` an address, None where the row is gone."""
    if kind == TargetKind.SCHEDULE:
        return {"schedule": schedule or ""}
    if kind == TargetKind.USER:
        return {"user": user or ""}
    if kind == TargetKind.RANK:
        return {"rank": rank}
    return {kind: True}


def _require_right(request: ApiRequest, service: Service | None) -> None:
    if service:
        doors.require_manager(request, service.team)
    else:
        doors.require_administrator(request)


def _loaded() -> QuerySet[EscalationPolicy]:
    rows = EscalationPolicy.objects.select_related("service__team")
    return rows.prefetch_related("levels__targets__schedule", "levels__targets__user")


def _level_shape(level: EscalationLevel) -> LevelShape:
    targets = sorted(level.targets.all(), key=lambda target: target.pk)
    return LevelShape(
        after=seconds(level.after),
        condition=level.condition,
        act=level.act,
        targets=[
            target_shape(
                target.kind,
                target.schedule.slug if target.schedule else None,
                target.user.email if target.user else None,
                target.rank,
            )
            for target in targets
        ],
        business_hours=level.business_hours,
        hours=level.hours,
        round_robin=level.round_robin,
        everyone=level.everyone,
        task_title=level.task_title,
        proposes=None if level.proposes_id is None else f"P{level.proposes_id}",
    )


def _level(said: NewLevel, path: str) -> tuple[EscalationLevel, list[EscalationTarget]]:
    level = EscalationLevel(
        after=timedelta(seconds=said.after),
        condition=said.condition,
        act=said.act,
        business_hours=said.business_hours,
        hours=said.hours,
        round_robin=said.round_robin,
        everyone=said.everyone,
        task_title=said.task_title,
        proposes=None if said.proposes is None else severity(said.proposes),
    )
    return level, [_target(target, f"{path}.targets.{place}") for place, target in enumerate(said.targets)]


def _target(said: Target, path: str) -> EscalationTarget:
    if said.schedule:
        return EscalationTarget(kind=TargetKind.SCHEDULE, schedule=_schedule(said.schedule, f"{path}.schedule"))
    if said.user:
        return EscalationTarget(kind=TargetKind.USER, user=person(said.user, f"{path}.user"))
    if said.rank:
        return EscalationTarget(kind=TargetKind.RANK, rank=said.rank)
    return EscalationTarget(kind=TargetKind.CHAIN if said.chain else TargetKind.ON_CALL)


def _schedule(slug: str, field: str) -> Schedule:
    try:
        return Schedule.objects.get(slug=slug)
    except Schedule.DoesNotExist:
        raise Invalid(field, f"There is no schedule “{slug}”.") from None
