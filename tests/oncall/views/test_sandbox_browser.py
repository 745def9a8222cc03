"""The sandbox phone in real Chromium: it renews itself under the reader's hands and takes nothing out of them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from oncall.models import SandboxMessage
from tests.factories import PASSWORD, AdministratorFactory
from tests.live import running_server
from tests.oncall.conftest import make_chain
from tests.oncall.views.conftest import settle

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def rung(committed_db, settings):
    """Ada has just been called for a P0; the second call is due in two minutes."""
    settings.SANDBOX = True
    chain = make_chain()
    AdministratorFactory(email="root@example.com", password=PASSWORD)
    now = timezone.now()
    chain.declare(0, at=now)
    settle(now)
    return chain, now


@pytest.fixture
def phone(rung, database_url, chromium_path, monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop makes Django think it were async
    chain, _ = rung
    with running_server(database_url, SANDBOX="1", DEMO="0") as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{base}/account/login/")
        page.get_by_label("E-mail").fill("root@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{base}/")
        page.goto(f"{base}/sandbox/{chain.ada.pk}/")
        yield page
        browser.close()
        connection.close()  # the one that the test opened beside the loop


def test_a_new_message_arrives_by_itself_without_taking_the_focus_or_closing_a_mail(phone, rung):
    _, now = rung
    call = SandboxMessage.objects.get(channel="voice")
    phone.locator("details.mail summary").first.click()
    button = phone.locator("[id^=take-]").nth(1)  # of the chat: the call's moves to the next call
    button.focus()
    held = button.get_attribute("id")

    settle(now + timedelta(minutes=2, seconds=1))

    expect(phone.locator(f"#take-{call.pk}")).to_have_count(0)
    expect(phone.get_by_role("button", name="1 Take it")).to_have_count(1)
    assert phone.evaluate("document.activeElement.id") == held
    expect(phone.locator("details.mail[open]")).to_have_count(1)


def test_one_tap_says_what_happened_and_stops_the_ringing(phone, rung):
    phone.get_by_role("button", name="1 Take it").click()

    expect(phone.locator("#said")).to_contain_text("Nobody else is called for it now.")
    expect(phone.get_by_role("button", name="1 Take it")).to_have_count(0)
    expect(phone.get_by_text("No page waits for an answer of Ada.")).to_be_visible()
