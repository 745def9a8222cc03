from datetime import UTC, datetime

import pytest

from incidents import integrations
from incidents.models import Integration
from incidents.refusals import NotAllowed
from tests.factories import AdministratorFactory, IntegrationFactory, MembershipFactory, UserFactory

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("alertmanager", "/integrations/{key}/alertmanager"),
        ("pagerduty", "/v2/enqueue"),
        ("grafana", "/integrations/{key}/grafana"),
        ("heartbeat", "/integrations/{key}/heartbeat"),
        ("generic", "/integrations/{key}/events"),
    ],
)
def test_the_address_of_each_kind_stands_below_the_public_url(settings, kind, path):
    settings.PUBLIC_URL = "https://tocsin.example.com"
    integration = IntegrationFactory(kind=kind)

    assert integrations.url_of(integration) == "https://tocsin.example.com" + path.format(key=integration.key)


def test_an_administrator_gives_a_new_key():
    integration = IntegrationFactory()

    key = integrations.rotate_key(integration, by=AdministratorFactory(), at=AT)

    assert key == Integration.objects.get().key != integration.key
    assert len(key) == 32


def test_a_manager_of_the_team_gives_a_new_key_and_nobody_else_does(caplog):
    integration = IntegrationFactory()
    manager = MembershipFactory(team=integration.service.team, is_manager=True).user

    with pytest.raises(NotAllowed):
        integrations.rotate_key(integration, by=UserFactory(), at=AT)
    key = integrations.rotate_key(integration, by=manager, at=AT)

    assert key == Integration.objects.get().key
    assert key not in caplog.text
