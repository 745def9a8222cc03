"""The list by keyboard alone, in real Chromium."""

import pytest
from playwright.sync_api import expect, sync_playwright

from incidents.models import Access
from tests.factories import UserFactory
from tests.incidents.test_listing import declare
from tests.journeys.test_page_to_postmortem import FLAGS
from tests.live import running_server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_the_list_is_searched_ticked_and_opened_by_keys(database_url, chromium_path):
    ada = UserFactory(name="Ada", access=Access.RESPONDER)
    ada.set_password("correct horse battery")
    ada.save()
    declare(1, title="Cards fail")
    declare(2, title="Cards are slow")
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = browser.new_context().new_page()
        page.goto(f"{base}/account/login/")
        page.get_by_label("E-mail").fill(ada.email)
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{base}/")
        page.goto(f"{base}/incidents/")
        page.keyboard.press("/")
        page.keyboard.type("cards fail")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="1 incident")).to_be_visible()
        page.goto(f"{base}/incidents/")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.get_by_role("checkbox", name="Tick INC", checked=True)).to_have_count(2)
        page.keyboard.press("k")
        expect(page.get_by_role("link", name="Cards are slow")).to_be_focused()
        page.get_by_role("button", name="Acknowledge those ticked").click()
        expect(page.get_by_role("status").filter(has_text="You have INC-")).to_be_visible()
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{base}/incidents/*/")
        browser.close()
