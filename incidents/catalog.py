"""What can fail comes in: services, and the doors for their alerts."""

from typing import Any

from django.db import transaction

from incidents.models import Integration, Service, Team


@transaction.atomic
def add_service(*, slug: str, name: str, team: Team, **more: Any) -> Service:
    """Make a service; ``more`` are its other fields.

    Raises:
        ValidationError: one of the values cannot be right.
    """
    service = Service(slug=slug, name=name, team=team, **more)
    service.full_clean()
    service.save(force_insert=True)
    return service


@transaction.atomic
def add_integration(*, service: Service, kind: str, name: str, **more: Any) -> Integration:
    """Open a door for a service's alerts, with a fresh key; ``more`` are its other fields.

    Raises:
        ValidationError: one of the values cannot be right.
    """
    integration = Integration(service=service, kind=kind, name=name, **more)
    integration.full_clean()
    integration.save(force_insert=True)
    return integration
