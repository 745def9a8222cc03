"""Where alerts go: the routes of an integration, and the events that came in with the reason for their way."""

from typing import Annotated, Any

from ninja import Query, Router
from pydantic import BaseModel, Field

from incidents import routing
from incidents.api import bodies, catalog, doors
from incidents.api.bodies import Body, Label, Level, Moment, Name, Slug, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece, whole
from incidents.intake import explaining
from incidents.models import Integration, RawEvent, Route

router = Router(tags=["events and routes"])


class RouteBody(Body):
    """A route as it is to be."""

    name: Name
    conditions: Text = Field(default="", description="One a line, all must be met; empty = every alert.")
    service: Slug | None = Field(default=None, description="Null = the integration's own.")
    severity: Level | None = Field(default=None, description="Null = as the source says.")
    policy: Annotated[str, Field(max_length=50)] = Field(default="", description="Slug; empty = the usual one.")
    group_by: list[Annotated[str, Field(max_length=100)]] = Field(default=[], max_length=10)
    active: bool = True


class RoutesBody(Body):
    """All routes of an integration, in order."""

    routes: Annotated[list[RouteBody], Field(max_length=routing.MOST)]


class RouteShape(BaseModel):
    """A route."""

    name: str
    conditions: str
    service: str | None
    severity: Label | None
    policy: str
    group_by: list[str]
    active: bool


class WayShape(BaseModel):
    """Where one of the newest alerts would go."""

    summary: str
    route: str | None
    service: str
    was: str = Field(description="The service to which it went.")


class StepShape(BaseModel):
    """One route held against an alert."""

    route: str
    fits: bool
    failed: list[str]


class WhyShape(BaseModel):
    """What an event says of one alert, and its way by the routes as they are now."""

    action: str
    summary: str
    dedup_key: str
    group_key: str
    severity: Label
    severity_assumed: bool
    labels: dict[str, str]
    steps: list[StepShape]
    route: str | None
    service: str
    incident: str | None


class EventShape(BaseModel):
    """One accepted request."""

    id: int
    integration: int
    format: str
    received_at: Moment
    processed_at: Moment | None
    rejected_because: str
    outcome: dict[str, Any]


class EventWithWhy(EventShape):
    """One request with its body and the reasons."""

    body: str
    why: list[WhyShape]


class EventsWindow(Window):
    """Which events."""

    integration: int | None = None


def _route(row: Route) -> RouteShape:
    return RouteShape(
        name=row.name,
        conditions=row.conditions,
        service=row.service.slug if row.service else None,
        severity=row.severity.label if row.severity else None,
        policy=row.policy,
        group_by=row.labels,
        active=row.is_active,
    )


def _wanted(said: RouteBody, place: int) -> routing.Wanted:
    return routing.Wanted(
        name=said.name,
        conditions=said.conditions,
        service=catalog.service_named(said.service, f"routes.{place}.service") if said.service else None,
        severity=bodies.severity(said.severity) if said.severity is not None else None,
        policy=said.policy,
        group_by=", ".join(said.group_by),
        is_active=said.active,
    )


def _integration(request: ApiRequest, number: int) -> Integration:
    row = Integration.objects.select_related("service__team").get(pk=number)
    doors.require_manager(request, row.service.team)
    return row


@router.get("/integrations/{int:number}/routes", response=Listing[RouteShape], summary="List the routes")
def list_routes(request: ApiRequest, number: int) -> Listing[RouteShape]:
    """In order: the first active one that fits counts."""
    return whole([_route(row) for row in routing.of(Integration.objects.get(pk=number))])


@router.put("/integrations/{int:number}/routes", response=Listing[RouteShape], summary="Write the routes anew")
def put_routes(request: ApiRequest, number: int, said: RoutesBody) -> Listing[RouteShape]:
    """All of them at once; alerts that are open stay where they are."""
    integration = _integration(request, number)
    wanted = [_wanted(one, place) for place, one in enumerate(said.routes)]
    rows = routing.replace(integration, wanted, by=request.user, at=request.at)
    return whole([_route(row) for row in rows])


@router.post("/integrations/{int:number}/routes/try", response=Listing[WayShape], summary="Try routes out")
def try_routes(request: ApiRequest, number: int, said: RoutesBody) -> Listing[WayShape]:
    """Where the newest alerts would go by these routes; nothing is saved."""
    integration = _integration(request, number)
    routes: list[Route] = []
    for place, one in enumerate(said.routes):
        routes = routing.drafted(integration, _wanted(one, place), routes)
    return whole(
        [
            WayShape(
                summary=way.alert.summary,
                route=way.route.name if way.route else None,
                service=way.service.slug,
                was=way.alert.service.slug,
            )
            for way in routing.try_out(integration, routes, request.user)
        ]
    )


def _event(raw: RawEvent) -> dict[str, Any]:
    return {
        "id": raw.pk,
        "integration": raw.integration_id,
        "format": raw.format,
        "received_at": raw.received_at,
        "processed_at": raw.processed_at,
        "rejected_because": raw.rejected_because,
        "outcome": raw.outcome,
    }


@router.get("/events", response=Listing[EventShape], summary="List what came in")
def list_events(request: ApiRequest, window: Query[EventsWindow]) -> Listing[EventShape]:
    """Newest first; those of private incidents are for those who take part."""
    rows = explaining.visible_to(request.user).defer("body")
    if window.integration is not None:
        rows = rows.filter(integration=window.integration)
    return piece(request, rows, window, lambda raw: EventShape(**_event(raw)), by=("-pk",))


@router.get("/events/{int:number}", response=EventWithWhy, summary="Read one event, and why it went where it went")
def get_event(request: ApiRequest, number: int) -> EventWithWhy:
    """With its body as it came; the integration's key is left out of it."""
    raw = explaining.visible_to(request.user).get(pk=number)
    why = [_why(told, request) for told in explaining.explain(raw).told]
    return EventWithWhy(**_event(raw), body=explaining.body_of(raw), why=why)


def _why(told: explaining.Told, request: ApiRequest) -> WhyShape:
    steps = [
        StepShape(route=step.route.name, fits=step.chosen, failed=[str(line) for line in step.failed])
        for step in told.steps
    ]
    incident = told.alert.incident if told.alert else None
    return WhyShape(
        action=told.signal.action,
        summary=told.signal.summary,
        dedup_key=told.signal.dedup_key,
        group_key=told.signal.group_key,
        severity=told.severity.label,
        severity_assumed=told.assumed,
        labels=told.labels,
        steps=steps,
        route=told.route.name if told.route else None,
        service=told.service.slug,
        incident=incident.ref if incident and (not incident.private or request.user.is_administrator) else None,
    )
