"""The main job, end to end: an alert pages somebody, they answer, everyone sees it, it is learned from."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.engine import running_engine
from tests.factories import PASSWORD, IntegrationFactory
from tests.live import running_server
from tests.oncall.conftest import make_chain

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def site(broker, broker_url, database_url):
    """The web process and the engine over the test's own rows; yields the address and the rows."""
    chain = make_chain()
    for person in (chain.ada, chain.lea):
        person.set_password(PASSWORD)
        person.save()
    told = {"SANDBOX": "1", "DEMO": "1", "DOORBELL": "1", "CELERY_BROKER_URL": broker_url}
    with running_server(database_url, **told) as base, running_engine(database_url, broker_url, PUBLIC_URL=base):
        yield base, chain, IntegrationFactory(service=chain.service, kind="pagerduty").key


@pytest.fixture
def browser(chromium_path):
    """Ask for it after the rows: while it runs, this thread belongs to its loop and Django keeps out."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


def signed_in(browser, base, person, path, **looks):
    """A page of its own browser in which the person has signed in."""
    page = browser.new_context(**looks).new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(f"{base}/account/login/?next={path}")
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{base}{path}")
    return page


def post(base, path, body):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status


def test_r01_r86_an_alert_pages_a_person_and_becomes_a_live_incident_and_then_a_postmortem(site, browser):
    base, chain, key = site
    alert = {"summary": "Card payments fail", "source": "probe-1", "severity": "critical"}
    assert (
        post(base, "/v2/enqueue", {"routing_key": key, "event_action": "trigger", "dedup_key": "d", "payload": alert})
        == 202
    )

    # Ada's phone rings; Lea looks at the board and then at the incident.
    phone = signed_in(browser, base, chain.ada, f"/sandbox/{chain.ada.pk}/", viewport={"width": 390, "height": 844})
    expect(phone.get_by_text("Card payments fail").first).to_be_visible(timeout=10_000)
    watcher = signed_in(browser, base, chain.lea, "/", viewport={"width": 1440, "height": 900})
    watcher.get_by_role("link", name="Card payments fail").click()
    expect(watcher.get_by_role("heading", level=1)).to_have_text("Card payments fail")
    expect(watcher.locator("#live-dot")).to_have_text("Live")
    expect(watcher.locator("#inc-head")).to_contain_text("Nobody has it yet")
    expect(watcher.locator("#escalation-clock")).to_contain_text(re.compile(r"in 0[0-4]:\d\d"))

    # Lea is in the middle of a sentence when Ada takes it with one tap.
    watcher.locator("#composer textarea").fill("half a sen")
    phone.get_by_role("button", name=re.compile("Take it|Acknowledge")).first.click()
    expect(watcher.locator("#inc-head")).to_contain_text("Ada has it", timeout=5_000)
    expect(watcher.locator("#tl")).to_contain_text("Acknowledged")
    expect(watcher.locator("#composer textarea")).to_have_value("half a sen")

    # i24: Ada writes, Lea reads without reload.
    room = watcher.url.removeprefix(base)
    ada = signed_in(browser, base, chain.ada, room)
    ada.locator("#composer textarea").fill("Pool is **exhausted**")
    ada.get_by_role("button", name="Add entry").click()
    expect(watcher.locator("#tl strong", has_text="exhausted")).to_be_visible(timeout=2_000)
    expect(watcher.locator("#composer textarea")).to_have_value("half a sen")

    # Mitigate and resolve through the dialogs.
    ada.locator("#act-mitigate").click()
    ada.get_by_label("What stopped it?").fill("rolled back to build 41")
    ada.get_by_label("Users are well again").check()
    ada.get_by_role("button", name="Mark mitigated", exact=True).click()
    expect(watcher.locator("#what")).to_contain_text("rolled back to build 41", timeout=5_000)
    ada.locator("#act-resolve").click()
    ada.get_by_label(re.compile("What was the cause")).fill("no review of slow queries")
    ada.get_by_role("button", name="Resolve", exact=True).click()
    expect(watcher.locator("#inc-head")).to_contain_text("Resolved", timeout=5_000)

    # The draft is there, with the six sections and the story.
    watcher.goto(f"{base}{room.replace('incidents', 'postmortems')}")
    for heading in (
        "Incident summary",
        "Timeline",
        "Impact assessment",
        "Root cause analysis",
        "Improvements",
        "Lessons learned",
    ):
        expect(watcher.get_by_role("heading", name=heading).first).to_be_visible()
    expect(watcher.get_by_text("rolled back to build 41").first).to_be_visible()
    assert [*phone.faults, *watcher.faults, *ada.faults] == []
