import pytest

from tests.factories import IntegrationFactory
from tests.incidents.intake import senders


@pytest.fixture
def alertmanager(db):
    return IntegrationFactory(kind="alertmanager", name="Prometheus")


@pytest.fixture
def pagerduty(db):
    return IntegrationFactory(kind="pagerduty", name="Checks")


@pytest.fixture
def generic(db):
    return IntegrationFactory(kind="generic", name="Scripts")


@pytest.fixture
def take():
    """Store what senders say and process all of it; returns the raw events."""

    def take_in(integration, *said, **more):
        raws = [senders.store(integration, one, **more) for one in said]
        senders.process()
        for raw in raws:
            raw.refresh_from_db()
        return raws

    return take_in
