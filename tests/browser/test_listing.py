"""By keyboard alone, in real Chromium: the list, the palette, the keys of every page."""

import contextlib

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import expect, sync_playwright

from incidents.models import Access
from tests.factories import UserFactory
from tests.incidents.test_listing import declare
from tests.journeys.test_page_to_postmortem import FLAGS, PASSWORD, signed_in
from tests.live import running_server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(transactional_db):
    ada = UserFactory(name="Ada", access=Access.RESPONDER)
    ada.set_password(PASSWORD)
    ada.save()
    return ada


def test_the_list_is_searched_ticked_and_opened_by_keys(database_url, chromium_path, ada):
    declare(1, title="Cards fail")
    declare(2, title="Cards are slow")
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = signed_in(browser, base, ada, "/")
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


def go(page, letter, address):
    """Press g and the letter; again where a busy machine let more than 1.5 s pass between the two."""
    for _ in range(5):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        with contextlib.suppress(PlaywrightTimeoutError):
            page.wait_for_url(address, timeout=5000)
            return
    where = page.evaluate(
        "[document.activeElement.outerHTML.slice(0, 200), document.querySelector('dialog[open]')?.id]"
    )
    pytest.fail(f"g {letter} led nowhere: {page.url}, {where}, {page.faults}")


def test_keys_go_places_open_the_palette_and_begin_to_write(database_url, chromium_path, ada):
    first, second = declare(1, title="Cards fail"), declare(3, title="Mail is late")
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = signed_in(browser, base, ada, "/")
        page.keyboard.press("?")
        expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).not_to_be_visible()
        go(page, "i", f"{base}/incidents/")
        page.keyboard.press("Control+k")
        page.keyboard.type("cards")
        expect(page.locator("#palette").get_by_role("link", name="Cards fail")).to_be_visible()
        page.keyboard.press("Enter")
        page.wait_for_url(f"{base}{first.get_absolute_url()}")
        page.keyboard.press("]")
        page.wait_for_url(f"{base}{second.get_absolute_url()}")
        page.keyboard.press("e")
        expect(page.get_by_role("textbox", name="Write to the timeline")).to_be_focused()
        expect(page.get_by_role("radio", name="Note")).to_be_checked()
        page.keyboard.type("c: roll back")
        expect(page.get_by_role("textbox", name="Write to the timeline")).to_have_value("c: roll back")
        page.goto(f"{base}/me/")
        page.get_by_label("Single-key shortcuts").uncheck()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        page.keyboard.press("c")
        page.wait_for_timeout(300)
        assert page.url == f"{base}/me/"
        assert page.faults == []
        browser.close()
