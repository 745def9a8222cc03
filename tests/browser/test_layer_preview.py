"""The form of a layer in the admin, in real Chromium: what it would change is shown while one types."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from incidents.models import Access
from oncall.models import Layer
from tests.browser.test_every_page import RULES
from tests.factories import ContactMethodFactory, ScheduleFactory, UserFactory
from tests.journeys.test_page_to_postmortem import FLAGS, PASSWORD, signed_in
from tests.live import running_server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def layer(transactional_db):
    people = [ContactMethodFactory(user__name=name).user for name in ("Ada", "Ben")]
    return ScheduleFactory(people=people).layers.get()


@pytest.fixture
def root(transactional_db):
    root = UserFactory(name="Root", access=Access.ADMINISTRATOR)
    root.set_password(PASSWORD)
    root.save()
    return root


def test_the_shifts_that_would_change_are_shown_while_one_types_and_saved_by_saving_alone(
    database_url, chromium_path, layer, root
):
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = signed_in(browser, base, root, "/")
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{base}/admin/oncall/layer/{layer.pk}/change/")
        preview = page.locator("[data-preview]")
        expect(preview).to_have_text("No shift of the next four weeks changes.")

        page.get_by_label("Length").fill("2")
        expect(preview.get_by_role("row")).not_to_have_count(0)
        page.get_by_label("Length").fill("0")
        expect(preview).to_contain_text("The form cannot be read yet")
        page.get_by_label("Length").fill("1")
        expect(preview).to_have_text("No shift of the next four weeks changes.")
        page.get_by_label("Length").fill("2")
        expect(preview.get_by_role("row")).not_to_have_count(0)
        found = Axe().run(page, context="[data-preview]", options=RULES).response["violations"]
        rows = preview.get_by_role("row").count()
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_url(f"{base}/admin/oncall/schedule/{layer.schedule_id}/change/")
        browser.close()

    assert rows > 1
    assert not faults + [one["id"] for one in found]
    assert Layer.objects.filter(length=2).exists()


def test_without_scripts_a_button_shows_the_same(database_url, chromium_path, layer, root):
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = signed_in(browser, base, root, "/")
        plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state()).new_page()
        plain.goto(f"{base}/admin/oncall/layer/{layer.pk}/change/")
        plain.get_by_label("Length").fill("2")
        plain.get_by_role("button", name="Show what would change").click()

        expect(plain.get_by_role("heading", name="What this would change")).to_be_visible()
        expect(plain.get_by_role("table")).to_be_visible()
        browser.close()

    assert not Layer.objects.filter(length=2).exists()
