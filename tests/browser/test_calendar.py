"""A schedule in real Chromium: drag over the line and over the month, two clicks, by keyboard, without a script."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from incidents.models import Access
from oncall.models import Override
from tests.factories import LayerFactory, MembershipFactory, ScheduleFactory, TeamFactory, UserFactory
from tests.journeys.test_page_to_postmortem import FLAGS, PASSWORD, signed_in
from tests.live import running_server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PAGE = "/on-call/schedules/payments/"


@pytest.fixture
def ada(transactional_db):
    """Ada and Ben take turns of twelve hours in Payments."""
    team = TeamFactory(name="Payments")
    ada, ben = (UserFactory(name=name, access=Access.RESPONDER) for name in ("Ada", "Ben"))
    ada.set_password(PASSWORD)
    ada.save()
    for person in (ada, ben):
        MembershipFactory(team=team, user=person)
    schedule = ScheduleFactory(name="Payments", slug="payments", team=team, people=[])
    LayerFactory(schedule=schedule, people=[ada, ben], anchor="2026-01-05T00:00", unit="hour", length=12)
    return ada


def drag(page, box, first, last):
    """Press at one share of a box's width, move to another, let go."""
    x, y, width = box["x"], box["y"] + box["height"] / 2, box["width"]
    page.mouse.move(x + first * width, y)
    page.mouse.down()
    page.mouse.move(x + (first + last) / 2 * width, y)
    page.mouse.move(x + last * width, y)
    page.mouse.up()


def test_dragging_over_the_line_and_the_month_opens_the_form_filled_in(database_url, chromium_path, ada):
    day = timezone.now().date() + timedelta(days=3)
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = signed_in(browser, base, ada, "/")
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{base}{PAGE}?span=day&on={day}")
        drag(page, page.locator("[data-drag]").bounding_box(), 0.25, 0.375)
        page.wait_for_url("**/override/**")
        expect(page.get_by_label("From")).to_have_value(f"{day}T06:00")
        expect(page.get_by_label("To", exact=True)).to_have_value(f"{day}T09:00")
        expect(page.locator("#weighed")).to_contain_text("Before")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Saved: Ben instead of Ada.")).to_be_visible()

        page.goto(f"{base}{PAGE}?as=calendar&on={day + timedelta(days=35)}")
        cells = page.locator("td[data-from]")
        cells.nth(16).scroll_into_view_if_needed()
        first, second = cells.nth(15).bounding_box(), cells.nth(16).bounding_box()
        page.mouse.move(first["x"] + 10, first["y"] + first["height"] - 4)
        page.mouse.down()
        page.mouse.move(second["x"] + 10, second["y"] + second["height"] - 4, steps=4)
        page.mouse.up()
        page.wait_for_url("**/override/**")
        start = datetime.fromisoformat(page.get_by_label("From").input_value())
        assert datetime.fromisoformat(page.get_by_label("To", exact=True).input_value()) - start == timedelta(days=2)
        browser.close()

    row = Override.objects.get()
    assert (row.start, row.end) == tuple(
        datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=h) for h in (6, 9)
    )


def test_by_keyboard_alone_and_without_a_script(database_url, chromium_path, ada):
    day = timezone.now().date() + timedelta(days=3)
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = signed_in(browser, base, ada, "/")
        page.goto(f"{base}{PAGE}?span=day&on={day}")
        page.get_by_role("link", name=re.compile("^Ada: .*: change$")).first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/override/**")
        page.get_by_role("button", name="Save").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").filter(has_text="Saved: Ben instead of Ada.")).to_be_visible()

        plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state()).new_page()
        plain.goto(f"{base}{PAGE}?as=list&span=day&on={day}")
        plain.get_by_role("button", name=re.compile("^(Remove|End now): Ben instead of Ada")).click()
        expect(plain.get_by_role("status").filter(has_text="Removed: Ben instead of Ada.")).to_be_visible()
        plain.goto(f"{base}{PAGE}?as=list&span=day&on={day}")
        plain.get_by_role("link", name="Change").first.click()
        plain.get_by_role("button", name="See what changes").click()
        expect(plain.locator("#weighed")).to_contain_text("Before")
        plain.get_by_role("button", name="Save").click()
        expect(plain.get_by_role("status").filter(has_text="Saved: ")).to_be_visible()
        browser.close()


def test_o49_of_two_browsers_that_save_contradictory_overrides_at_once_one_gets_a_conflict(
    database_url, chromium_path, ada
):
    """Ada and Cleo both take Ben's shift of the same morning, with one press each before either page has answered."""
    cleo = UserFactory(name="Cleo", access=Access.RESPONDER)
    cleo.set_password(PASSWORD)
    cleo.save()
    MembershipFactory(team=ada.memberships.get().team, user=cleo)
    day = timezone.now().date() + timedelta(days=3)
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        pages = [signed_in(browser, base, person, "/") for person in (ada, cleo)]
        for page in pages:
            page.goto(f"{base}{PAGE}override/")
            page.get_by_label("From").fill(f"{day}T14:00")
            page.get_by_label("To", exact=True).fill(f"{day}T16:00")
            page.get_by_label("In place of").select_option("Ben")
            page.get_by_label("Who", exact=True).select_option("Ada" if page is pages[0] else "Cleo")
        for page in pages:
            page.evaluate("document.querySelector('main form button.primary').click()")
        for page in pages:
            expect(page.get_by_text(re.compile("Saved: |already")).first).to_be_visible()
        said = [page.locator("main").inner_text() + page.locator("body").inner_text() for page in pages]
        kept = [page.locator("[name=start]").input_value() for page in pages if page.locator("[name=start]").count()]
        browser.close()

    row = Override.objects.get()
    assert sum("Saved: " in text for text in said) == 1
    assert sum("is replaced by" in text or "contradicts" in text for text in said) == 1
    assert kept == [f"{day}T14:00"]
    assert row.replaces.name == "Ben"
