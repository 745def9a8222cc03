"""The admin site of the library: windows, and the rules that administrators edit."""

from datetime import UTC, date, datetime

import pytest

from postmortems import actions
from postmortems.models import ActionDeadline, Postmortem, SectionKey, Template, TemplateVersion, Tracker, WordingRule
from tests.admin_site import World, check_cost, check_every_page, errors_of, models_of, send, sign_in, url

CONFIGURED = {ActionDeadline, Template, Tracker, WordingRule}
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


def test_r72_r76_a_template_is_written_in_the_admin_and_saving_again_makes_a_version(administrator, world):
    Template.objects.all().delete()
    send(administrator, url(Template, "add"), name="For P0", severity="0", lessons_question="What surprised us?")
    template = Template.objects.get()
    send(administrator, url(Template, "change", template.pk), name="For P0 and all")
    send(administrator, url(Template, "change", template.pk), lessons_question="What helped?", lessons_hints="One\nTwo")

    versions = TemplateVersion.objects.order_by("number")
    assert [version.sections["lessons"]["question"] for version in versions] == ["What surprised us?", "What helped?"]
    assert versions[1].sections["lessons"]["hints"] == ["One", "Two"]
    assert set(versions[1].sections) == set(SectionKey.values)
    refused = send(administrator, url(Template, "change", template.pk), lessons_question="Who did it?")
    assert "Ask what and how, never “Who”." in errors_of(refused)
    assert TemplateVersion.objects.count() == 2
