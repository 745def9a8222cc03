"""The admin site of the library: windows alone."""

import pytest

from postmortems.models import Postmortem
from tests.admin_site import World, check_cost, check_every_page, models_of, sign_in, url

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


@pytest.mark.parametrize("model", models_of("postmortems"), ids=lambda model: model.__name__)
def test_what_deeds_write_is_only_read(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    assert administrator.post(url(model, "add"), {}).status_code == 403
    assert administrator.post(url(model, "change", row.pk), {}).status_code == 403
    assert administrator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_a_postmortem_shows_its_sections_as_they_stand(administrator, world):
    page = administrator.get(url(Postmortem, "change", world.incident.postmortem.pk)).content.decode()

    assert "What happened." in page
    assert "Lessons learned" in page
