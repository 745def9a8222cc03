"""Services, and the doors through which their alerts come in."""

from typing import Annotated, Any

from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents import catalog, integrations
from incidents.api import doors
from incidents.api.bodies import Body, Name, OneOf, Slug, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Integration, IntegrationKind, Scope, Service, Team
from incidents.refusals import Invalid

router = Router(tags=["catalog"])


class NewService(Body):
    """A service to be made."""

    slug: Slug
    name: Name
    team: Slug
    revenue_path: bool = Field(default=False, description="Payments or orders run through it.")
    core: bool = Field(default=False, description="The business stops when it stops.")
    description: Text = ""


class ServiceShape(BaseModel):
    """Something that users notice when it fails."""

    slug: str
    name: str
    team: str
    revenue_path: bool
    core: bool
    description: str
    active: bool


class NewIntegration(Body):
    """A door to be opened for a service's alerts."""

    service: Slug
    kind: Annotated[str, OneOf(IntegrationKind)]
    name: Name
    mapping: Annotated[dict[str, str], Field(max_length=50)] = Field(
        default={}, description="Generic JSON only: our field -> path in the payload."
    )
    auto_resolve: bool = Field(default=True, description="Resolve the incident when the source says that all is over.")


class IntegrationShape(BaseModel):
    """A door, without its key."""

    id: int
    service: str
    kind: Annotated[str, OneOf(IntegrationKind)]
    name: str
    active: bool


class OpenedIntegration(IntegrationShape):
    """A door with its key, which is a secret: whoever has it can send alerts."""

    key: str
    url: str = Field(description="Where the sender posts to.")


def service_shape(service: Service) -> ServiceShape:
    """A service as the API shows it; its team is loaded."""
    return ServiceShape(
        slug=service.slug,
        name=service.name,
        team=service.team.slug,
        revenue_path=service.revenue_path,
        core=service.core,
        description=service.description,
        active=service.is_active,
    )


def integration_shape(integration: Integration) -> IntegrationShape:
    """A door as everyone may see it; its service is loaded."""
    return IntegrationShape(**_open_part(integration))


def _open_part(integration: Integration) -> dict[str, Any]:
    return {
        "id": integration.pk,
        "service": integration.service.slug,
        "kind": integration.kind,
        "name": integration.name,
        "active": integration.is_active,
    }


def team_named(slug: str, field: str = "team") -> Team:
    """The team that a body names.

    Raises:
        Invalid: there is none.
    """
    try:
        return Team.objects.get(slug=slug)
    except Team.DoesNotExist:
        raise Invalid(field, f"There is no team “{slug}”.") from None


def service_named(slug: str, field: str = "service") -> Service:
    """The service that a body names, with its team.

    Raises:
        Invalid: there is none.
    """
    try:
        return Service.objects.select_related("team").get(slug=slug)
    except Service.DoesNotExist:
        raise Invalid(field, f"There is no service “{slug}”.") from None


@router.post("/services", response={201: ServiceShape}, summary="Add a service")
def create_service(request: ApiRequest, said: NewService) -> Status[ServiceShape]:
    """For administrators and the team's managers."""
    doors.require_scope(request, Scope.WRITE)
    team = team_named(said.team)
    doors.require_manager(request, team)
    service = catalog.add_service(
        slug=said.slug,
        name=said.name,
        team=team,
        revenue_path=said.revenue_path,
        core=said.core,
        description=said.description,
    )
    return Status(201, service_shape(service))


@router.get("/services", response=Listing[ServiceShape], summary="List the services")
def list_services(request: ApiRequest, window: Query[Window]) -> Listing[ServiceShape]:
    """In the order in which they were added, retired ones included."""
    return piece(request, Service.objects.select_related("team"), window, service_shape)


@router.get("/services/{slug}", response=ServiceShape, summary="Read one service")
def get_service(request: ApiRequest, slug: str) -> ServiceShape:
    """With the team that owns it."""
    return service_shape(Service.objects.select_related("team").get(slug=slug))


@router.post("/integrations", response={201: OpenedIntegration}, summary="Open a door for alerts")
def create_integration(request: ApiRequest, said: NewIntegration) -> Status[OpenedIntegration]:
    """For administrators and the team's managers. The key is shown here, and later only in the admin site."""
    doors.require_scope(request, Scope.WRITE)
    service = service_named(said.service)
    doors.require_manager(request, service.team)
    if said.mapping and said.kind != IntegrationKind.GENERIC:
        raise Invalid("mapping", "Only generic JSON has a mapping; the other formats are fixed.")
    integration = catalog.add_integration(
        service=service, kind=said.kind, name=said.name, mapping=said.mapping, auto_resolve=said.auto_resolve
    )
    url = integrations.url_of(integration)
    return Status(201, OpenedIntegration(**_open_part(integration), key=integration.key, url=url))


@router.get("/integrations", response=Listing[IntegrationShape], summary="List the doors for alerts")
def list_integrations(request: ApiRequest, window: Query[Window]) -> Listing[IntegrationShape]:
    """Without their keys."""
    return piece(request, Integration.objects.select_related("service"), window, integration_shape)
