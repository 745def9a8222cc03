"""An incident of 14:02 to 14:20, and those who may and may not see it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from incidents import lifecycle
from incidents.models import Access, Severity
from tests.factories import ServiceFactory, UserFactory

AT = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


@dataclass
class Story:
    """One incident told through the deeds."""

    incident: object
    commander: object

    def minute(self, number):
        return AT + timedelta(minutes=number)

    def resolve(self, at=18, **said):
        self.incident = lifecycle.resolve(self.incident, by=self.commander, at=self.minute(at), **said)
        return self.incident

    @property
    def document(self):
        return self.incident.postmortem

    def section(self, key):
        return self.document.sections.get(key=key)

    def text(self, key):
        return self.section(key).text


def open_incident(*, level=0, by=None, at=AT, **said):
    """Declare and acknowledge; ``said`` as in a declaration."""
    by = by or UserFactory(name="Amira Haddad")
    said.setdefault("service", None)
    said["service"] = said["service"] or ServiceFactory(name="Checkout", revenue_path=True)
    said.setdefault("title", "Card payments failing at checkout")
    incident = lifecycle.declare(
        lifecycle.Declaration(severity=Severity.objects.get(level=level), detection="monitoring", **said), by=by, at=at
    )
    incident = lifecycle.acknowledge(incident, by=by, at=at + timedelta(minutes=1))
    return Story(incident, by)


@pytest.fixture
def begin(db):
    return open_incident


@pytest.fixture
def story(begin):
    """A P0, detected at 14:02, resolved at 14:20 on 23 November."""
    story = begin()
    story.resolve()
    return story


@pytest.fixture
def signed_in(client):
    """Sign a person in: ``signed_in(user)`` returns the client."""

    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def viewer(db):
    return UserFactory(name="Vera View", access=Access.VIEWER)


@pytest.fixture
def writer(db):
    return UserFactory(name="Lee Park")


@pytest.fixture
def browser(signed_in, writer):
    return signed_in(writer)
