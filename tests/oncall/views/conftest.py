"""What the tests of the pager's pages share: a moment to start from, and answers as plain words."""

import html
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.html import strip_tags

from incidents import due
from incidents.models import Organisation
from oncall import sending
from oncall.models import Channel
from tests.factories import AdministratorFactory

SHELL = 1  # query of the shell around every page: open count, engine beat and clock in one


@pytest.fixture
def now():
    """Two seconds ago, when incidents are declared: the pages read the clock themselves, and countdowns round up."""
    return timezone.now() - timedelta(seconds=2)


@pytest.fixture
def administrator(client):
    """An administrator who has signed in."""
    person = AdministratorFactory(name="Admin")
    client.force_login(person)
    return person


@pytest.fixture
def sandbox(settings):
    """The sandbox stands in for every provider."""
    settings.SANDBOX, settings.DEMO = True, False


@pytest.fixture
def organisation(db):
    return Organisation.objects.get_or_create(pk=1)[0]


def settle(at):
    """Let the engine do what is due at an instant, and send it."""
    due.settle(at + timedelta(milliseconds=1))
    for channel in Channel.values:
        while sending.send_due(channel, at=at + timedelta(milliseconds=1)):
            pass


def words(answer):
    """The text of a page without its tags, in one line."""
    return " ".join(html.unescape(strip_tags(answer.content.decode().replace("<", " <"))).split())
