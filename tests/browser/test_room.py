"""The incident page in real Chromium: two browsers, a lost network, keys, pasted pictures."""

import re

import pytest
from playwright.sync_api import expect, sync_playwright

from incidents import timeline
from incidents.models import Access, Attachment, Incident, TimelineEntry
from tests.factories import UserFactory
from tests.incidents.test_listing import declare
from tests.journeys.test_page_to_postmortem import FLAGS, PASSWORD, signed_in
from tests.live import running_server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PASTE = """() => {
  const all = new DataTransfer(), bytes = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 1, 2, 3]);
  all.items.add(new File([bytes], "graph.png", { type: "image/png" }));
  const area = document.querySelector("#composer textarea");
  area.dispatchEvent(new ClipboardEvent("paste", { clipboardData: all, bubbles: true, cancelable: true }));
}"""


def person(name):
    made = UserFactory(name=name, access=Access.RESPONDER)
    made.set_password(PASSWORD)
    made.save()
    return made


def note(page, text):
    area = page.locator("#composer textarea")
    area.fill(text)
    area.press("Control+Enter")


def test_i24_two_browsers_a_lost_network_and_a_correction(database_url, chromium_path, transactional_db, settings):
    ada, bo = person("Ada"), person("Bo")
    incident = declare(1, title="Cards fail")
    path = incident.get_absolute_url()
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        first, second = signed_in(browser, base, ada, path), signed_in(browser, base, bo, path)
        for page in (first, second):
            page.goto(base + path)
            expect(page.locator("#live-dot")).to_contain_text("Live")
        second.locator("#composer textarea").fill("half a senten")

        note(first, "the pool is full")
        expect(second.locator("#tl")).to_contain_text("the pool is full", timeout=2000)
        expect(first.locator("#tl")).to_contain_text("the pool is full")
        expect(second.locator("#composer textarea")).to_have_value("half a senten")

        first.context.set_offline(True)
        note(first, "written in a tunnel")
        note(first, "and another")
        expect(first.locator("#waiting")).to_contain_text("2 entries wait")
        expect(first.locator("#composer textarea")).to_have_value("")
        first.context.set_offline(False)
        expect(second.locator("#tl")).to_contain_text("and another", timeout=15000)
        expect(first.locator("#waiting")).to_be_hidden()

        entry = first.locator("#tl .e", has_text="the pool is full")
        entry.hover()
        entry.get_by_role("link", name="look, correct, pin").click()
        first.get_by_label("What happened?").fill("the pool was empty")
        first.get_by_role("button", name="Correct").click()
        expect(second.locator("#tl")).to_contain_text("the pool was empty")
        expect(second.locator("#tl")).not_to_contain_text("the pool is full")
        browser.close()
    told = TimelineEntry.objects.filter(incident=incident, kind="note").standing().order_by("occurred_at", "seq")
    assert list(told.values_list("text", flat=True)) == ["the pool was empty", "written in a tunnel", "and another"]


def test_keys_commands_and_pasted_pictures(database_url, chromium_path, transactional_db):
    ada = person("Ada")
    incident = declare(1, title="Cards fail")
    timeline.add(incident, kind="note", text="seen on the graph", by=ada, at=incident.declared_at)
    path = incident.get_absolute_url()
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = signed_in(browser, base, ada, path)
        page.goto(base + path)
        expect(page.locator("#live-dot")).to_contain_text("Live")
        expect(page).to_have_title(re.compile(r"^(late )?\d+:\d\d "))

        page.keyboard.press("j")
        page.keyboard.press("x")
        expect(page.locator("#told")).to_contain_text("Story so far")
        page.keyboard.press("i")
        expect(page.locator("#composer input[name=occurred_at]")).not_to_have_value("")
        page.locator("#composer input[name=occurred_at]").fill("")

        page.evaluate(PASTE)
        expect(page.locator("[data-files]")).to_have_text("graph.png")
        note(page, "look at this")
        expect(page.locator("#tl img[alt='graph.png']")).to_be_visible()

        note(page, "/task @ada check the pool 10m")
        expect(page.get_by_label("What is to be done?")).to_have_value("check the pool")
        page.get_by_role("button", name="Give it").click()
        expect(page.locator("#tasks")).to_contain_text("check the pool")
        expect(page.locator("#composer textarea")).to_have_value("")

        page.locator("h1").click()
        page.keyboard.press("w")
        expect(page.locator("#watchers")).to_contain_text("You hear of it as it happens.")
        for key, title in (("s", "Change severity"), ("u", "Post an update"), ("d", "Decision"), ("t", "Give a task")):
            page.keyboard.press(key)
            expect(page.locator("#ask-h")).to_contain_text(title)
            page.keyboard.press("Escape")
        browser.close()
    assert Attachment.objects.count() == 1
    assert Incident.objects.get().tasks.get().owner == ada
