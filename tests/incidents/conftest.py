"""Whom most tests of pages need."""

import pytest

from tests.factories import UserFactory


@pytest.fixture
def ada(client):
    """A responder who is signed in."""
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada
