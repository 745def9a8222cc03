"""Incidents: declare, list, read, and their clocks."""

from typing import Annotated

from django.conf import settings
from django.db.models import Q, QuerySet
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents import clocks, lifecycle, search, visibility
from incidents.api import bodies, catalog, doors
from incidents.api.bodies import Body, Label, Level, Moment, OneLine, OneOf, Slug, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece, whole
from incidents.models import Clock, Incident, Rule, Scope, Service
from incidents.models.incident import RANK
from incidents.refusals import Invalid
from incidents.states import ClockState, Detection, Kind, Phase
from incidents.states import Status as State

router = Router(tags=["incidents"])

Percent = Annotated[int, Field(ge=0, le=100)]
URGENT_FIRST = ("rank", "-urgency", "-detected_at", "pk")  # as Incident.objects.by_urgency() has it


class NewIncident(Body):
    """An incident to be declared."""

    title: Annotated[OneLine, Field(max_length=200)]
    service: Slug
    severity: Level
    kind: Annotated[str, OneOf(Kind)] = Kind.REAL.value
    time_scale: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Drills: every delay is divided by this."
    )
    affected_services: Annotated[list[Slug], Field(max_length=100)] = []
    detected_at: Moment | None = Field(default=None, description="The first signal; null = now.")
    impact_started_at: Moment | None = None
    affected_percent: Percent | None = Field(default=None, description="Percent of users; null = unknown.")
    workaround: Annotated[str, Field(max_length=300)] = ""
    private: bool = False
    detection: Annotated[str, OneOf(Detection)] = Detection.USER_REPORT.value
    assessment: Annotated[dict[str, str], Field(max_length=5)] = Field(
        default={}, description='Answers to the five questions, such as {"core": "down"}; see GET /assessment.'
    )
    summary: Text = ""


class IncidentShape(BaseModel):
    """One disruption of a service. Times are UTC, null = not yet or unknown."""

    number: int
    ref: str
    title: str
    kind: Annotated[str, OneOf(Kind)]
    severity: Label
    peak_severity: Label
    suggested_severity: Label | None = Field(description="What the answers spoke for; the choice is in severity.")
    suggested_because: str
    assessment: dict[str, str]
    status: Annotated[str, OneOf(State)]
    phase: Annotated[str, OneOf(Phase)]
    open: bool
    acknowledged: bool
    urgency: float
    service: str
    affected_services: list[str]
    affected_percent: int | None
    workaround: str
    private: bool
    time_scale: int
    detection: Annotated[str, OneOf(Detection)]
    summary: str
    bridge: str = Field(description="Where people talk; empty = on the page.")
    mitigation: str
    root_cause: str
    not_yet_because: str
    merged_into: int | None = Field(description="The number of the incident that it is part of.")
    impact_started_at: Moment | None
    detected_at: Moment
    declared_at: Moment
    declared_by: str | None
    acknowledged_at: Moment | None
    acknowledged_by: str | None
    held_by: str | None = Field(description="Who has it in hand now; null = nobody.")
    held_since: Moment | None
    mitigated_at: Moment | None
    recovered_at: Moment | None
    resolved_at: Moment | None
    closed_at: Moment | None
    version: int
    url: str


COPIED = (
    "number", "ref", "title", "kind", "status", "phase", "acknowledged", "urgency", "affected_percent", "workaround",
    "private", "time_scale", "detection", "summary", "bridge", "assessment",
    "suggested_because", "mitigation", "root_cause", "not_yet_because",
    "impact_started_at", "detected_at", "declared_at", "acknowledged_at", "held_since", "mitigated_at",
    "recovered_at", "resolved_at", "closed_at", "version",
)  # fmt: skip


class Filters(Window):
    """Which incidents are wanted."""

    status: Annotated[str, OneOf(State)] | None = None
    q: str = Field(
        default="", max_length=200, description="Words of titles, texts and timelines, or a number such as INC-7."
    )
    severity: Level | None = None
    service: str = Field(default="", max_length=50, description="Its own service or an affected one.")
    kind: Annotated[str, OneOf(Kind)] | None = None


class ClockShape(BaseModel):
    """An obligation with a deadline."""

    rule: Annotated[str, OneOf(Rule)]
    started_at: Moment
    due_at: Moment
    met_at: Moment | None
    state: Annotated[str, OneOf(ClockState)]
    severity: Label = Field(description="The level whose contract asks for it.")
    ended_at: Moment | None = Field(description="When it was waived or superseded.")
    why: str = Field(description="Why it was waived or superseded.")


def loaded(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """Load what ``incident_shape`` shows."""
    return rows.select_related("service", "declared_by", "acknowledged_by", "held_by", "merged_into").prefetch_related(
        "affected_services"
    )


def incident_shape(incident: Incident) -> IncidentShape:
    """An incident as the API shows it; see ``loaded``."""
    return IncidentShape(
        **{name: getattr(incident, name) for name in COPIED},
        severity=f"P{incident.severity_id}",
        peak_severity=f"P{incident.peak_severity_id}",
        suggested_severity=None if incident.suggested_severity_id is None else f"P{incident.suggested_severity_id}",
        open=incident.is_open,
        service=incident.service.slug,
        affected_services=sorted(service.slug for service in incident.affected_services.all()),
        merged_into=incident.merged_into.number if incident.merged_into else None,
        declared_by=incident.declared_by.email if incident.declared_by else None,
        acknowledged_by=incident.acknowledged_by.email if incident.acknowledged_by else None,
        held_by=incident.held_by.email if incident.held_by else None,
        url=settings.PUBLIC_URL + incident.get_absolute_url(),
    )


def clock_shape(clock: Clock) -> ClockShape:
    """A clock as the API shows it."""
    copied = ("rule", "started_at", "due_at", "met_at", "state", "ended_at", "why")
    return ClockShape(**{name: getattr(clock, name) for name in copied}, severity=f"P{clock.severity_id}")


def fresh(request: ApiRequest, number: int) -> IncidentShape:
    """The incident as it is now, for a person who has just acted on it or asks."""
    return incident_shape(loaded(Incident.objects.visible_to(request.user)).get(number=number))


def _services_named(slugs: list[str]) -> tuple[Service, ...]:
    found = {service.slug: service for service in Service.objects.filter(slug__in=slugs)}
    for place, slug in enumerate(slugs):
        if slug not in found:
            raise Invalid(f"affected_services.{place}", f"There is no service “{slug}”.")
    return tuple(found.values())


@router.post("/incidents", response={201: IncidentShape}, summary="Declare an incident")
def declare(request: ApiRequest, said: NewIncident) -> Status[IncidentShape]:
    """Whoever is on call is paged as the severity's policy says; a backfill pages nobody."""
    doors.require_scope(request, Scope.WRITE)
    visibility.require_responder(request.user)
    named = {"service", "severity", "affected_services"}
    declaration = lifecycle.Declaration(
        **{field: value for field, value in said if field not in named},
        service=catalog.service_named(said.service),
        severity=bodies.severity(said.severity),
        affected_services=_services_named(said.affected_services),
    )
    incident = lifecycle.declare(declaration, by=request.user, at=request.at)
    return Status(201, fresh(request, incident.number))


@router.get("/incidents", response=Listing[IncidentShape], summary="List the incidents")
def list_incidents(request: ApiRequest, wanted: Query[Filters]) -> Listing[IncidentShape]:
    """The most urgent first: an open P0 leads, then what is open by its score, then what is over."""
    rows = loaded(Incident.objects.visible_to(request.user))
    if wanted.status:
        rows = rows.filter(status=wanted.status)
    if wanted.severity is not None:
        rows = rows.filter(severity=wanted.severity)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.service:
        affected = Incident.affected_services.through.objects.filter(service__slug=wanted.service).values("incident")
        rows = rows.filter(Q(service__slug=wanted.service) | Q(pk__in=affected))
    if wanted.q.strip():
        rows = rows.filter(search.matching(wanted.q))
    return piece(request, rows.annotate(rank=RANK), wanted, incident_shape, by=URGENT_FIRST)


@router.get("/incidents/{int:number}", response=IncidentShape, summary="Read one incident")
def get_incident(request: ApiRequest, number: int) -> IncidentShape:
    """By its number: the 7 of INC-7."""
    return fresh(request, number)


@router.get("/incidents/{int:number}/clocks", response=Listing[ClockShape], summary="Read the clocks of an incident")
def list_clocks(request: ApiRequest, number: int) -> Listing[ClockShape]:
    """All of them, in the order in which they were started; the last of each rule is the one that counts."""
    incident = visibility.incident_for(request.user, number)
    return whole([clock_shape(clock) for clock in clocks.of(incident)])
