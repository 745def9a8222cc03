"""The page that shows the API to people, in real Chromium under the product's own content policy."""

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.journeys.test_page_to_postmortem import FLAGS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_page_of_the_api_works_offline_and_breaks_no_policy(live_server, chromium_path, monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    complaints, elsewhere = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = browser.new_page()
        page.on("console", lambda line: complaints.append(line.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(live_server.url) or elsewhere.append(request.url))
        answer = page.goto(f"{live_server.url}/api/v1/docs")

        page.locator(".opblock-summary", has_text="/api/v1/incidents").first.click()
        expect(page.locator(".opblock.is-open")).to_contain_text("Idempotency-Key")
        browser.close()

    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert (complaints, [url for url in elsewhere if not url.startswith("data:")]) == ([], [])
