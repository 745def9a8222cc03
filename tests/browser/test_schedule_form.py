"""The form of a schedule in the admin, in real Chromium: ordered by hand, with what that would change beside it."""

from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from incidents.models import Access
from oncall import rosters
from tests.browser.test_every_page import RULES
from tests.factories import ContactMethodFactory, LayerFactory, ScheduleFactory, UserFactory
from tests.journeys.test_page_to_postmortem import FLAGS, PASSWORD, signed_in
from tests.live import running_server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def people(transactional_db):
    return [ContactMethodFactory(user__name=name).user for name in ("Ada", "Ben", "Cleo")]


@pytest.fixture
def schedule(people):
    schedule = ScheduleFactory(people=people)
    LayerFactory(schedule=schedule, name="Nights", priority=1, people=people[:1], effective_until=None)
    return schedule


@pytest.fixture
def root(transactional_db):
    root = UserFactory(name="Root", access=Access.ADMINISTRATOR)
    root.set_password(PASSWORD)
    root.save()
    return root


@pytest.fixture
def browsing(database_url, chromium_path, schedule, root):
    """Opens the page of the schedule as the administrator sees it; faults of its scripts end the test."""

    @contextmanager
    def browse():
        with running_server(database_url) as base, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
            page = signed_in(browser, base, root, "/")
            faults = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
            page.goto(f"{base}/admin/oncall/schedule/{schedule.pk}/change/")
            page.said = faults
            yield page
            browser.close()
        assert not faults

    return browse


def named(page, name):
    return page.get_by_role("region", name=f"Layer {name}")


def save(page):
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/oncall/schedule/")


def lasting(schedule):
    """The slots of the layers by name, as they are meant to last."""
    found = {}
    for layer in rosters.load([schedule.pk])[schedule.pk].layers:
        if layer.effective_until is None:
            found[layer.name] = (layer.priority, layer.slots)
    return found


def drag(page, grip, below):
    """Take a grip to the lower part of another row."""
    grip.scroll_into_view_if_needed()
    start, end = grip.bounding_box(), below.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(start["x"] + 10, end["y"] + end["height"] * 0.8, steps=12)
    page.mouse.up()


def test_what_would_change_is_shown_while_one_types_and_saved_by_saving_alone(browsing, schedule):
    with browsing() as page:
        preview = page.locator("[data-preview]")
        expect(preview).to_have_text("No shift of the next four weeks changes.")
        named(page, "Nights").get_by_label("Length").fill("0")
        expect(preview).to_contain_text("Nights, Length: Ensure")
        named(page, "Nights").get_by_label("Length").fill("1")
        expect(preview).to_have_text("No shift of the next four weeks changes.")
        named(page, "Nights").get_by_label("End this layer now").check()
        expect(preview.get_by_role("row")).not_to_have_count(0)
        assert not page.said
        found = Axe().run(page, context=".layers, .preview", options=RULES).response["violations"]
        page.said.clear()  # the policy of the site keeps axe from styling its own probe
        save(page)

    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert list(lasting(schedule)) == ["Primary"]


def test_people_are_dragged_into_another_order_and_the_numbers_follow(browsing, schedule, people):
    with browsing() as page:
        rows = named(page, "Primary").locator("[data-row]:has(.person)")
        expect(rows).to_have_count(4)  # three people and a blank one
        drag(page, rows.nth(0).locator("[data-grip]"), rows.nth(1))
        expect(rows.nth(0).get_by_label("Person")).to_have_value(f"Ben ({people[1].email})")
        expect(rows.nth(0).get_by_label("Turn")).to_have_value("1")
        expect(rows.nth(1).get_by_label("Turn")).to_have_value("2")
        save(page)

    ada, ben, cleo = [(person.pk,) for person in people]
    _, slots = lasting(schedule)["Primary"]
    assert (ben, ada, cleo) in [slots[place:] + slots[:place] for place in range(3)]


def test_layers_are_ordered_with_the_arrow_keys_and_the_preview_follows(browsing, schedule):
    with browsing() as page:
        preview = page.locator("[data-preview]")
        expect(preview).to_have_text("No shift of the next four weeks changes.")
        named(page, "Nights").locator("> header [data-grip]").focus()
        page.keyboard.press("ArrowDown")
        expect(named(page, "Primary").get_by_label("Priority")).to_have_value("1")
        expect(named(page, "Nights").get_by_label("Priority")).to_have_value("0")
        expect(preview.get_by_role("row")).not_to_have_count(0)
        save(page)

    assert {name: priority for name, (priority, _) in lasting(schedule).items()} == {"Primary": 1, "Nights": 0}


def test_a_layer_with_people_and_a_window_is_added_on_the_page(browsing, schedule, people):
    with browsing() as page:
        page.get_by_role("button", name="Add a layer").click()
        layer = named(page, "new").last
        layer.get_by_label("Name").fill("Weekends")
        layer.get_by_label("Person").nth(0).fill("Cleo")
        layer.get_by_role("button", name="Add a person").click()
        layer.get_by_label("Person").last.fill(people[0].email)
        layer.get_by_label("Turn").nth(0).fill("1")
        layer.get_by_label("Turn").last.fill("1")
        layer.get_by_role("button", name="Add a window").click()
        layer.get_by_label("Weekday").last.select_option("Saturday")
        layer.get_by_label("From", exact=True).last.fill("08:00")
        layer.get_by_label("To", exact=True).last.fill("20:00")
        expect(page.locator("[data-preview]").get_by_role("row")).not_to_have_count(0)
        save(page)

    [layer] = [one for one in rosters.load([schedule.pk])[schedule.pk].layers if one.name == "Weekends"]
    assert layer.slots == ((people[2].pk, people[0].pk),)
    assert [(one.weekday, f"{one.start:%H:%M}") for one in layer.restrictions] == [(5, "08:00")]
    assert layer.priority == 2


def test_without_scripts_layers_and_people_are_added_and_a_button_shows_what_would_change(
    browsing, schedule, people, root
):
    with browsing() as page:
        state = page.context.storage_state()
        plain = page.context.browser.new_context(java_script_enabled=False, storage_state=state).new_page()
        plain.goto(page.url)
        primary = named(plain, "Primary")
        primary.get_by_label("Person").last.fill(root.email)
        primary.get_by_label("Turn").last.fill("4")
        plain.locator("summary", has_text="Add a layer").click()
        named(plain, "new").get_by_label("Name").fill("Weekends")
        named(plain, "new").get_by_label("Person").nth(0).fill("Ben")
        plain.get_by_role("button", name="Show what would change").click()
        expect(plain.get_by_role("heading", name="What this would change")).to_be_visible()
        expect(plain.get_by_role("table")).to_be_visible()
        plain.go_back()
        save(plain)

    found = lasting(schedule)
    assert len(found["Primary"][1]) == 4
    assert found["Weekends"][1] == ((people[1].pk,),)
