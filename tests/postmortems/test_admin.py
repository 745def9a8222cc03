"""The admin site of the library: windows, and the rules that administrators edit."""

from datetime import UTC, date, datetime

import pytest

from postmortems import actions
from postmortems.models import ActionDeadline, Postmortem
from tests.admin_site import World, check_cost, check_every_page, models_of, send, sign_in, url

CONFIGURED = {ActionDeadline}
WRITTEN_BY_DEEDS = [model for model in models_of("postmortems") if model not in CONFIGURED]

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World()


@pytest.fixture
def administrator(client):
    """A client in which an administrator is signed in."""
    return sign_in(client)


@pytest.mark.parametrize("model", models_of("postmortems"), ids=lambda model: model.__name__)
def test_every_page_of_the_library_answers(administrator, world, model):
    check_every_page(administrator, model)


@pytest.mark.parametrize("model", models_of("postmortems"), ids=lambda model: model.__name__)
def test_a_list_costs_the_same_however_long_it_is(administrator, world, model):
    check_cost(administrator, world, model)


@pytest.mark.parametrize("model", WRITTEN_BY_DEEDS, ids=lambda model: model.__name__)
def test_what_deeds_write_is_only_read(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    assert administrator.post(url(model, "add"), {}).status_code == 403
    assert administrator.post(url(model, "change", row.pk), {}).status_code == 403
    assert administrator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_a_postmortem_shows_its_sections_as_they_stand(administrator, world):
    page = administrator.get(url(Postmortem, "change", world.incident.postmortem.pk)).content.decode()

    assert "What happened." in page
    assert "Lessons learned" in page


def test_i51_the_deadline_of_a_level_is_edited_and_used(administrator, world):
    send(administrator, url(ActionDeadline, "change", 0), days="10")
    send(administrator, url(ActionDeadline, "change", 1), days="11")

    assert actions.deadline(world.incident, datetime(2026, 3, 1, tzinfo=UTC)) == date(2026, 3, 12)
    assert administrator.post(url(ActionDeadline, "delete", 0), {"post": "yes"}).status_code == 403
