"""Routes of an integration: which one an alert takes, and their edits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from incidents import visibility
from incidents.conditions import Condition, Unreadable, parse
from incidents.models import Alert, Integration, Route, Service, Severity, User
from incidents.refusals import Invalid, NotAllowed

MOST = 100  # routes of one integration
TRIED = 50  # alerts on which routes are tried

Policies = Callable[[], list[tuple[str, str]]]
POLICIES: list[Policies] = []


def register_policies(names: Policies) -> None:
    """Let an upper app say which escalation policies a route may name: (slug, name)."""
    if names not in POLICIES:
        POLICIES.append(names)


def policies() -> list[tuple[str, str]]:
    """The escalation policies that a route may name."""
    return [one for names in POLICIES for one in names()]


@dataclass(frozen=True)
class Wanted:
    """A route as it is to be."""

    name: str
    conditions: str = ""
    service: Service | None = None
    severity: Severity | None = None
    policy: str = ""
    group_by: str = ""
    is_active: bool = True


@dataclass(frozen=True)
class Looked:
    """One route held against one alert. ``failed``: the conditions that it does not meet."""

    route: Route
    failed: tuple[Condition, ...]
    chosen: bool


@dataclass(frozen=True)
class Way:
    """Where one alert went, and where it would go."""

    alert: Alert
    route: Route | None
    service: Service
    same: bool = field(default=True)


def first(routes: Iterable[Route], labels: Mapping[str, str]) -> Route | None:
    """The first active route that fits."""
    return next((step.route for step in look(routes, labels) if step.chosen), None)


def look(routes: Iterable[Route], labels: Mapping[str, str]) -> list[Looked]:
    """Hold the active routes against an alert's labels, one after another, until one fits."""
    steps = []
    for route in routes:
        if not route.is_active:
            continue
        failed = tuple(line for line in route.lines if not line.fits(labels))
        steps.append(Looked(route, failed, chosen=not failed))
        if not failed:
            break
    return steps


def group_key(route: Route, labels: Mapping[str, str]) -> str:
    """The key of the group by the route's labels; empty where it groups as the source does."""
    if not route.labels:
        return ""
    return f"{route.name}: " + ", ".join(f"{label}={labels.get(label, '')}" for label in route.labels)


def of(integration: Integration) -> list[Route]:
    """The integration's routes in order (1 query)."""
    rows = Route.objects.filter(integration=integration).select_related("service__team", "severity")
    return list(rows.order_by("place", "pk"))


def newest(integration: Integration, person: User) -> list[Alert]:
    """The alerts on which routes are tried, of those that the person may read about (1 query)."""
    rows = (
        visibility.alerts_for(person)
        .filter(integration=integration)
        .select_related("integration", "service", "incident")
    )
    return list(rows.order_by("-pk")[:TRIED])


def try_out(integration: Integration, routes: Sequence[Route], person: User) -> list[Way]:
    """Where the newest alerts would go by these routes; nothing is saved."""
    ways = []
    for alert in newest(integration, person):
        route = first(routes, alert.said)
        service = route.service if route and route.service else integration.service
        ways.append(Way(alert, route, service, same=service.pk == alert.service_id))
    return ways


def drafted(integration: Integration, wanted: Wanted, routes: Sequence[Route], pk: int | None = None) -> list[Route]:
    """The routes as they would be with the wanted one in its place, or at the end; unsaved.

    Raises:
        Invalid: one of the values cannot be right.
    """
    row = _fill(Route(integration=integration, pk=pk), wanted)
    return [row if route.pk == pk else route for route in routes] if pk else [*routes, row]


@transaction.atomic
def save(integration: Integration, wanted: Wanted, *, by: User, at: datetime, pk: int | None = None) -> Route:
    """Add a route at the end, or write another one anew; alerts that are open stay where they are.

    Raises:
        Invalid: one of the values cannot be right.
        NotAllowed: the person does not manage the owning team.
        Route.DoesNotExist: there is none with this ``pk``.
    """
    routes = _lock(integration, by)
    if pk is None and len(routes) >= MOST:
        raise Invalid("name", f"{MOST} routes are the most.")
    row = Route(integration=integration, place=len(routes) + 1) if pk is None else _one(routes, pk)
    _fill(row, wanted).save()
    return row


@transaction.atomic
def replace(integration: Integration, wanted: Sequence[Wanted], *, by: User, at: datetime) -> list[Route]:
    """Put these routes in the place of all.

    Raises:
        Invalid: one of the values cannot be right.
        NotAllowed: the person does not manage the owning team.
    """
    _lock(integration, by)
    if len(wanted) > MOST:
        raise Invalid("", f"{MOST} routes are the most.")
    rows = [_fill(Route(integration=integration, place=place), one) for place, one in enumerate(wanted, start=1)]
    Route.objects.filter(integration=integration).delete()
    for row in rows:
        row.save(force_insert=True)
    return rows


@transaction.atomic
def move(integration: Integration, pk: int, *, up: bool, by: User, at: datetime) -> None:
    """Change places with the neighbour.

    Raises:
        NotAllowed: the person does not manage the owning team.
        Route.DoesNotExist: there is none with this ``pk``.
    """
    routes = _lock(integration, by)
    here = routes.index(_one(routes, pk))
    there = here - 1 if up else here + 1
    if 0 <= there < len(routes):
        routes[here], routes[there] = routes[there], routes[here]
    _number(routes)


@transaction.atomic
def remove(integration: Integration, pk: int, *, by: User, at: datetime) -> None:
    """Take a route away; its history stays.

    Raises:
        NotAllowed: the person does not manage the owning team.
        Route.DoesNotExist: there is none with this ``pk``.
    """
    routes = _lock(integration, by)
    gone = _one(routes, pk)
    routes.remove(gone)
    gone.delete()
    _number(routes)


def may_edit(person: User, integration: Integration) -> bool:
    """Tell whether the person looks after the integration."""
    return visibility.manages(person, integration.service.team_id)


def _lock(integration: Integration, by: User) -> list[Route]:
    locked = Integration.objects.select_for_update(no_key=True, of=("self",)).select_related("service")
    if not may_edit(by, locked.get(pk=integration.pk)):
        raise NotAllowed("Only a manager of the owning team or an administrator may change where alerts go.")
    return of(integration)


def _one(routes: Sequence[Route], pk: int) -> Route:
    for route in routes:
        if route.pk == pk:
            return route
    raise Route.DoesNotExist


def _number(routes: Sequence[Route]) -> None:
    for place, route in enumerate(routes, start=1):
        if route.place != place:
            route.place = place
            route.save(update_fields=["place"])


def _fill(row: Route, wanted: Wanted) -> Route:
    if not wanted.name.strip() or len(wanted.name.strip()) > 80:
        raise Invalid("name", "Give it a name of at most 80 characters.")
    try:
        lines = parse(wanted.conditions)
    except Unreadable as refusal:
        raise Invalid("conditions", str(refusal)) from None
    if wanted.policy and wanted.policy not in dict(policies()):
        raise Invalid("policy", f"There is no active escalation policy “{wanted.policy}”.")
    if wanted.service and not wanted.service.is_active:
        raise Invalid("service", f"{wanted.service} is retired.")
    if len(wanted.group_by) > 200:
        raise Invalid("group_by", "Keep it to 200 characters.")
    row.name, row.conditions = wanted.name.strip(), "\n".join(str(line) for line in lines)
    row.service, row.severity, row.policy = wanted.service, wanted.severity, wanted.policy
    row.group_by, row.is_active = ", ".join(label.strip() for label in wanted.group_by.split(",")), wanted.is_active
    return row
