"""What is done to an integration, and where its alerts go."""

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction

from incidents import visibility
from incidents.models import Integration, IntegrationKind, User
from incidents.models.catalog import new_key
from incidents.refusals import NotAllowed

log = logging.getLogger(__name__)

PATHS = {
    IntegrationKind.ALERTMANAGER: "/integrations/{key}/alertmanager",
    IntegrationKind.PAGERDUTY: "/v2/enqueue",
    IntegrationKind.GENERIC: "/integrations/{key}/events",
    IntegrationKind.GRAFANA: "/integrations/{key}/grafana",
    IntegrationKind.HEARTBEAT: "/integrations/{key}/heartbeat",
}


def path_of(kind: str, key: str) -> str:
    """Where events of a kind are posted. PagerDuty's format carries the key in its body, as ``routing_key``."""
    return PATHS[IntegrationKind(kind)].format(key=key)


def url_of(integration: Integration) -> str:
    """The full address for the sender's configuration; it holds the key, except for PagerDuty's format."""
    return f"{settings.PUBLIC_URL}{path_of(integration.kind, integration.key)}"


@transaction.atomic
def rotate_key(integration: Integration, *, by: User, at: datetime) -> str:
    """Give the integration a new key and return it; what is sent with the old one is refused from now on.

    Raises:
        NotAllowed: the person neither manages the owning team nor administers.
    """
    locked = Integration.objects.select_for_update(no_key=True).get(pk=integration.pk)
    if not visibility.manages(by, locked.service.team_id):
        raise NotAllowed("Only a manager of the owning team or an administrator may give an integration a new key.")
    locked.key = new_key()
    locked.save(update_fields=["key"])
    log.info("the key of integration %d was rotated by user %d at %s", locked.pk, by.pk, at.isoformat())
    return locked.key
