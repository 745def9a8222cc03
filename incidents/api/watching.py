"""Watch one incident; subscribe to those to come."""

from typing import Annotated

from ninja import Router, Status
from pydantic import BaseModel

from incidents import visibility, watching
from incidents.api import bodies, catalog, doors
from incidents.api.bodies import Body, Label, Level, Moment, OneOf, Slug
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, whole
from incidents.models import Pace, Scope, Subscription, Watch

router = Router(tags=["watching"])

PaceWord = Annotated[str, OneOf(Pace)]


class NewWatch(Body):
    """How often to hear of it."""

    pace: PaceWord = Pace.SOON.value


class WatchShape(BaseModel):
    """Who hears of it, and how often."""

    person: str
    pace: PaceWord
    since: Moment


class NewSubscription(Body):
    """Which incidents to come; neither a service nor a team = every one."""

    service: Slug | None = None
    team: Slug | None = None
    down_to: Level = 2
    pace: PaceWord = Pace.SOON.value


class SubscriptionShape(BaseModel):
    """A subscription of one's own."""

    id: int
    service: str | None
    team: str | None
    down_to: Label
    pace: PaceWord


WATCH = NewWatch()


def watch_shape(row: Watch) -> WatchShape:
    """A watch as the API shows it; its person is loaded."""
    return WatchShape(person=row.user.email, pace=row.pace, since=row.since)


def subscription_shape(row: Subscription) -> SubscriptionShape:
    """A subscription as the API shows it; its subject is loaded."""
    return SubscriptionShape(
        id=row.pk,
        service=row.service.slug if row.service else None,
        team=row.team.slug if row.team else None,
        down_to=f"P{row.down_to_id}",
        pace=row.pace,
    )


@router.get("/incidents/{int:number}/watchers", response=Listing[WatchShape], summary="Read who watches")
def list_watchers(request: ApiRequest, number: int) -> Listing[WatchShape]:
    """By name."""
    return whole([watch_shape(row) for row in watching.of(visibility.incident_for(request.user, number))])


@router.put("/incidents/{int:number}/watch", response=WatchShape, summary="Watch an incident")
def watch_incident(request: ApiRequest, number: int, said: NewWatch = WATCH) -> WatchShape:
    """Whoever reads may; again = at another pace."""
    doors.require_scope(request, Scope.WRITE)
    incident = visibility.incident_for(request.user, number)
    return watch_shape(watching.watch(incident, by=request.user, at=request.at, pace=said.pace))


@router.delete("/incidents/{int:number}/watch", response={204: None}, summary="Watch it no more")
def unwatch_incident(request: ApiRequest, number: int) -> Status[None]:
    """Also where it was not watched."""
    doors.require_scope(request, Scope.WRITE)
    watching.unwatch(visibility.incident_for(request.user, number), by=request.user)
    return Status(204, None)


@router.get("/subscriptions", response=Listing[SubscriptionShape], summary="Read one's subscriptions")
def list_subscriptions(request: ApiRequest) -> Listing[SubscriptionShape]:
    """In the order in which they were made."""
    return whole([subscription_shape(row) for row in watching.mine(request.user)[0]])


@router.post("/subscriptions", response={201: SubscriptionShape}, summary="Subscribe to incidents to come")
def subscribe(request: ApiRequest, said: NewSubscription) -> Status[SubscriptionShape]:
    """Each new incident is watched for you; the same subject again = with other choices."""
    doors.require_scope(request, Scope.WRITE)
    row = watching.subscribe(
        by=request.user,
        service=catalog.service_named(said.service) if said.service else None,
        team=catalog.team_named(said.team) if said.team else None,
        down_to=bodies.severity(said.down_to),
        pace=said.pace,
    )
    return Status(201, subscription_shape(row))


@router.delete("/subscriptions/{int:pk}", response={204: None}, summary="End a subscription")
def unsubscribe(request: ApiRequest, pk: int) -> Status[None]:
    """What is watched already stays watched."""
    doors.require_scope(request, Scope.WRITE)
    watching.unsubscribe(Subscription.objects.get(pk=pk, user=request.user).pk, by=request.user)
    return Status(204, None)
