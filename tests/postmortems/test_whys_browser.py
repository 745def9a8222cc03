"""The five whys in real Chromium: by keyboard alone, with htmx, and without any script."""

import pytest
from playwright.sync_api import expect

from postmortems import whys
from postmortems.models import Why
from postmortems.whys import Said
from tests.postmortems.test_browser import LOOKS, check, chromium, keys, open_page, site, story

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FIXTURES = (chromium, keys, open_page, site, story)


def home(story):
    return f"/postmortems/{story.incident.number}/whys/"


@pytest.fixture
def tree(story):
    """one -> two, three; shared below both."""
    rows = {}
    for answer, parents in (("one", []), ("two", ["one"]), ("three", ["one"]), ("shared", ["two", "three"])):
        under = [rows[name].pk for name in parents]
        rows[answer] = whys.ask(story.document, Said(answer), under=under, by=story.commander, at=story.minute(60))
    return rows


def focused(page):
    return page.evaluate("document.activeElement.querySelector('.prose, a')?.textContent.trim()")


def test_r73_by_keyboard_alone_the_tree_is_walked_folded_and_asked(tree, open_page, story):
    page = open_page(home(story))
    page.get_by_role("treeitem").first.focus()

    for key, at in (
        ("ArrowDown", "one"),
        ("ArrowDown", "two"),
        ("ArrowLeft", "two"),  # folds
        ("ArrowDown", "three"),
        ("ArrowUp", "two"),
        ("ArrowRight", "two"),  # unfolds
        ("ArrowRight", "shared"),
        ("ArrowLeft", "two"),
        ("End", "shared"),
    ):
        page.keyboard.press(key)
        assert focused(page) == at, key
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_label("Answer")).to_be_focused()
    page.keyboard.type("a cause beside it")
    page.get_by_role("button", name="Add the answer").press("Enter")

    added = page.get_by_role("treeitem").filter(has_text="a cause beside it")
    expect(added.last).to_be_focused()
    assert Why.objects.get(answer="a cause beside it").parents.get().kind == "symptom"
    page.keyboard.press("Delete")
    expect(page.get_by_text("Removed (1)")).to_be_visible()
    expect(page.get_by_role("treeitem").filter(has_text="a cause beside it")).to_have_count(0)
    assert page.faults == []


def test_a_form_opens_in_place_is_refused_in_place_and_can_be_left(tree, open_page, story):
    page = open_page(home(story))
    three = page.locator(f"#why-{tree['three'].pk}")

    three.get_by_role("link", name="Move, share").click()
    three.get_by_role("checkbox", name="3 · shared").check()
    three.get_by_role("button", name="Save").click()
    expect(three.get_by_text("run in a circle")).to_be_visible()
    three.get_by_role("link", name="Cancel").click()

    expect(three.get_by_role("button", name="Save")).to_have_count(0)
    expect(three).to_be_focused()
    assert page.url.endswith(home(story))


def test_r84_without_javascript_a_root_cause_is_reached_by_plain_forms(open_page, story):
    page = open_page(home(story), java_script_enabled=False)
    for number in range(1, 5):
        page.get_by_role("link", name="Ask again: why?").last.click()
        page.get_by_label("Answer").fill(f"answer {number}")
        page.get_by_role("button", name="Add the answer").click()
    page.get_by_role("link", name="State the root cause (why #5)").click()
    page.get_by_label("Answer").fill("No review of SQL is required")
    page.get_by_role("button", name="Add the answer").click()
    expect(page.get_by_text("a root cause is never a person")).to_be_visible()
    page.get_by_label("What kind of system condition?").select_option("process")
    page.get_by_role("button", name="Add the answer").click()

    page.get_by_role("navigation", name="Read it as").get_by_role("link", name="List").click()
    expect(page.get_by_role("main").get_by_role("listitem").filter(has_text="Why #5")).to_contain_text("process")


def test_every_look_of_the_whys_is_accessible_and_fits(tree, open_page, story, site):
    for width, theme in LOOKS:
        page = open_page(home(story), viewport={"width": width, "height": 844}, color_scheme=theme)
        for rest in ("", "?as=list", "?as=back"):
            page.goto(site + home(story) + rest)
            check(page)
        page.goto(site + home(story))
        page.locator(f"#why-{tree['one'].pk}").get_by_role("link", name="Edit").click()
        expect(page.get_by_role("textbox", name="Answer")).to_be_visible()
        check(page)
        page.goto(f"{site}/postmortems/{story.incident.number}/")
        check(page)
        assert page.faults == []
        page.context.close()
