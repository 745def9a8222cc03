"""Writing in real Chromium: two people at once, no network, no script, no session; every look checked with axe."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from postmortems import editing
from tests.factories import PASSWORD
from tests.live import running_server
from tests.postmortems.conftest import open_incident

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LOOKS = [(width, theme) for width in (1440, 390) for theme in ("light", "dark")]


@pytest.fixture
def story(committed_db):
    story = open_incident()
    story.commander.set_password(PASSWORD)
    story.commander.save()
    story.resolve(
        root_cause="The pool outgrew the database.\n\n```\nmax_connections = 500\n```\n\n| a | b |\n|--|--|\n| 1 | 2 |"
    )
    return story


@pytest.fixture
def site(story, database_url):
    with running_server(database_url) as base:
        yield base


@pytest.fixture
def chromium(chromium_path, site, monkeypatch):
    """Begins after the rows are there and ends before they go; playwright's loop makes Django think it were async."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
        connection.close()  # the one that the tests opened beside the loop


@pytest.fixture
def keys(site, chromium, story):
    """What a browser keeps of a sign-in."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{site}/account/login/")
    page.get_by_label("E-mail").fill(story.commander.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site}/")
    return context.storage_state()


@pytest.fixture
def open_page(chromium, keys, site):
    """Open a path in a browser of its own that has signed in; ``page.faults`` gathers what the console says."""

    def open_page(path, **looks):
        page = chromium.new_context(storage_state=keys, **looks).new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda line: page.faults.append(line.text) if "Content Security" in line.text else None)
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(site + path)
        return page

    return open_page


def writing(story, key="lessons"):
    return f"/postmortems/{story.incident.number}/sections/{key}/"


def text_of(page):
    return page.get_by_role("textbox")


def save(page, name="Save"):
    page.get_by_role("button", name=name, exact=True).click()


def without_autosave(page):
    """Nothing is saved but by the button."""
    page.route("**/autosave/", lambda route: route.abort())
    return page


def test_two_browsers_on_one_section_lose_nothing(open_page, story, site):
    first, second = (without_autosave(open_page(writing(story))) for _ in range(2))
    text_of(first).fill("What the first one wrote.")
    text_of(second).fill("What the second one wrote.")

    save(first)
    expect(first).to_have_url(f"{site}/postmortems/{story.incident.number}/#lessons")
    save(second)

    expect(second.get_by_role("alert")).to_contain_text("saved this section just now")
    expect(text_of(second)).to_have_value("What the second one wrote.")
    expect(second.get_by_role("group", name="Both of you wrote here")).to_contain_text("What the first one wrote.")
    text_of(second).fill("What the first one wrote.\n\nWhat the second one wrote.")
    save(second, "Save this text")
    expect(second.locator("#lessons .prose p")).to_have_text(
        ["What the first one wrote.", "What the second one wrote."]
    )
    assert [*first.faults, *second.faults] == []


def test_r84_without_javascript_it_is_the_same_by_plain_forms(open_page, story, site):
    page = open_page(writing(story), java_script_enabled=False)
    editing.save_section(story.section("lessons"), text="theirs", base_version=1, by=story.commander, at=timezone.now())
    text_of(page).fill("mine")

    save(page)
    expect(text_of(page)).to_have_value("mine")
    page.get_by_role("radio", name="Yours mine").check()
    save(page, "Save with these choices")

    expect(page).to_have_url(f"{site}/postmortems/{story.incident.number}/#lessons")
    expect(page.locator("#lessons .prose")).to_have_text("mine")


def test_neither_a_lost_network_nor_an_ended_session_nor_a_step_away_takes_what_was_typed(open_page, story, site):
    page = without_autosave(open_page(writing(story)))
    asked = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    text_of(page).fill("half a sentence")

    page.context.set_offline(True)
    save(page)
    expect(page.locator("#toasts")).to_contain_text("The server cannot be reached. What you typed is still here.")
    expect(text_of(page)).to_have_value("half a sentence")
    page.context.set_offline(False)

    session = [cookie for cookie in page.context.cookies() if cookie["name"] == "sessionid"]
    page.context.clear_cookies(name="sessionid")
    save(page)
    expect(page.locator("#section-form").get_by_role("alert")).to_contain_text("You are signed out.")
    expect(text_of(page)).to_have_value("half a sentence")
    page.context.add_cookies(session)

    assert asked == []
    page.get_by_role("link", name="Close").click()
    page.wait_for_url("**/#lessons")
    assert asked == ["beforeunload"]
    assert story.text("lessons") == ""

    page.goto(site + writing(story))
    expect(page.get_by_role("alert")).to_contain_text("Text that was not saved lies in this browser")
    text_of(page).fill("a whole sentence")
    save(page)
    expect(page.locator("#lessons .prose")).to_have_text("a whole sentence")
    assert asked == ["beforeunload"]


def test_what_is_typed_is_saved_by_itself_and_two_who_write_at_once_are_brought_together(open_page, story):
    editing.save_section(
        story.section("lessons"), text="one\n\ntwo", base_version=1, by=story.commander, at=timezone.now()
    )
    first, second = open_page(writing(story)), open_page(writing(story))

    text_of(first).fill("ONE\n\ntwo")
    expect(first.locator("#save-state")).to_contain_text("Saved ")
    text_of(second).fill("one\n\ntwo\n\nthree")
    expect(second.locator("#save-state")).to_contain_text("together with what somebody else wrote")

    expect(text_of(second)).to_have_value("ONE\n\ntwo\n\nthree")
    assert story.text("lessons") == "ONE\n\ntwo\n\nthree"
    text_of(second).press_sequentially(" and four")
    expect(second.locator("#save-state")).to_have_text(re.compile(r"^Saved \d\d:\d\d:\d\d UTC$"))
    assert story.text("lessons") == "ONE\n\ntwo\n\nthree and four"
    assert [*first.faults, *second.faults] == []


def test_i49_after_a_crash_in_mid_sentence_the_unsaved_text_is_offered(open_page, story, site):
    page = without_autosave(open_page(writing(story)))
    text_of(page).fill("half a sent")
    expect(page.locator("#save-state")).to_contain_text("kept in this browser")
    page.close(run_before_unload=False)

    again = page.context.new_page()
    again.goto(site + writing(story))
    expect(again.get_by_role("alert")).to_contain_text("Text that was not saved lies in this browser")
    expect(text_of(again)).to_have_value("")
    again.get_by_role("button", name="Take it up").click()

    expect(text_of(again)).to_have_value("half a sent")
    expect(again.locator("#save-state")).to_contain_text("Saved ")
    assert story.text("lessons") == "half a sent"
    again.reload()
    expect(again.get_by_role("alert")).to_have_count(0)


def test_an_autosave_that_contradicts_another_text_goes_on_by_choice(open_page, story):
    page = open_page(writing(story))
    editing.save_section(story.section("lessons"), text="theirs", base_version=1, by=story.commander, at=timezone.now())

    text_of(page).fill("mine")
    expect(page.get_by_role("alert")).to_contain_text("Press Save to go on.")
    save(page)
    page.get_by_role("radio", name="Both").check()
    save(page, "Save with these choices")

    expect(page.locator("#lessons .prose")).to_have_text("theirs mine")
    assert page.faults == []


def test_the_outline_leads_to_each_section_and_help_opens(open_page, story):
    page = open_page(f"/postmortems/{story.incident.number}/")

    page.get_by_role("navigation", name="Outline").get_by_role("link", name="Root cause analysis").click()
    expect(page.get_by_role("heading", name="4 Root cause analysis")).to_be_in_viewport()
    page.get_by_role("button", name="What belongs into Root cause analysis").click()

    expect(page.get_by_text("why did the system allow it?")).to_be_visible()
    assert page.faults == []


def test_nobody_is_left_out_at_any_width_or_theme(open_page, story, site):
    paths = [
        "/postmortems/",
        f"/postmortems/{story.incident.number}/",
        f"{writing(story)}history/",
        writing(story),
    ]
    editing.save_section(story.section("lessons"), text="theirs", base_version=1, by=story.commander, at=timezone.now())
    for width, theme in LOOKS:
        page = open_page(paths[0], viewport={"width": width, "height": 844}, color_scheme=theme)
        for path in paths:
            page.goto(site + path)
            check(page)
        without_autosave(page)
        page.locator("[name=base_version]").evaluate("field => { field.value = 1; }")
        text_of(page).fill("mine")
        save(page)
        expect(page.get_by_role("alert")).to_be_visible()
        check(page)
        assert page.faults == []
        page.context.close()


def check(page):
    """No rule of WCAG is broken, and nothing is wider than the window."""
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in found] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
