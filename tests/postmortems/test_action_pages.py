"""The pages of action items: list, board, adding, changing, closing, by plain forms."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents.models import Access
from postmortems import actions, whys
from postmortems.actions import Plan
from postmortems.models import ActionItem, DocumentStatus, Postmortem
from postmortems.whys import Said
from tests.factories import UserFactory
from tests.postmortems.reading import words

LIST = "/action-items/"
EVIL = "**b** <script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"


@pytest.fixture
def writer(db):
    return UserFactory(name="Lee Park")


@pytest.fixture
def browser(signed_in, writer):
    return signed_in(writer)


def add(story, title="Alert on the pool", *, owner=None, days=10, **plan):
    at = timezone.now()
    plan = Plan(title, owner or story.commander, at.date() + timedelta(days=max(days, 0)), **plan)
    item = actions.add(story.incident, plan, by=story.commander, at=at)
    if days < 0:
        item.due_date = at.date() + timedelta(days=days)
        item.save()
    return item


def form_of(story, **said):
    return {"title": "Alert on the pool", "owner": story.commander.pk, "kind": "detect", "term": "short", **said}


def titles(answer):
    return [item.title for item in answer.context["rows"]]


def test_lists_say_so_when_there_is_nothing(browser):
    for show, fact in (
        ("", "No action item is open"),
        ("mine", "Nothing is yours to do"),
        ("late", "Nothing is late"),
        ("done", "Nothing was closed yet"),
    ):
        assert fact in words(browser.get(LIST, {"show": show}))
    assert "Nothing is to be done" in words(browser.get(LIST))
    assert "In progress (0)" in words(browser.get(LIST, {"show": "board"}))


def test_the_lists_show_what_is_due_first_mine_late_and_closed(browser, story, writer):
    add(story, "later", days=20)
    add(story, "soon", days=2, owner=writer)
    add(story, "late", days=-3)
    done = add(story, "done")
    browser.post(f"{LIST}{done.pk}/finish/", {"verified_how": "It rang."})

    page = browser.get(LIST)
    assert titles(page) == ["late", "soon", "later"]
    assert "3 action items are open, 1 late, 1 of them yours" in words(page)
    for said in ("3 days late", "in 2 days", "P0 Critical", story.incident.ref, "Amira Haddad"):
        assert said in words(page)
    assert titles(browser.get(LIST, {"show": "mine"})) == ["soon"]
    assert titles(browser.get(LIST, {"show": "late"})) == ["late"]
    assert titles(browser.get(LIST, {"show": "done"})) == ["done"]
    lanes = browser.get(LIST, {"show": "board"}).context["lanes"]
    assert [(lane.label, [item.title for item in lane.items]) for lane in lanes] == [
        ("Open", ["late", "soon", "later"]),
        ("In progress", []),
        ("Done", ["done"]),
    ]


@pytest.mark.parametrize("count", [1, 50])
def test_lists_and_board_cost_the_same_for_one_and_fifty(browser, story, django_assert_num_queries, count):
    for number in range(count):
        add(story, f"item {number}")

    with django_assert_num_queries(7):  # session, user, headline, count, items, causes; the shell
        browser.get(LIST)
    with django_assert_num_queries(8):  # session, user, headline; three lanes, causes of one; the shell
        browser.get(LIST, {"show": "board"})


def test_r84_an_action_is_added_by_a_plain_form_from_a_root_cause(browser, story, writer):
    said = Said("No review of SQL", is_root_cause=True, category="process", enough_because="Ours.")
    root = whys.ask(story.document, said, by=writer, at=timezone.now())
    address = f"/postmortems/{story.incident.number}/actions/add/?cause={root.pk}"
    asked = browser.get(address)
    assert f'value="{root.pk}" id="id_root_causes_0" checked' in asked.content.decode()
    assert "Empty = the deadline of the severity." in words(asked)

    answer = browser.post(address, form_of(story, root_causes=[root.pk]))

    assert answer["Location"] == f"/postmortems/{story.incident.number}/#improvements"
    item = ActionItem.objects.get()
    assert (item.kind, item.term, list(item.root_causes.all())) == ("detect", "short", [root])
    page = words(browser.get(f"/postmortems/{story.incident.number}/"))
    assert "Alert on the pool" in page
    assert "1 of 1 root cause addressed." in page


@pytest.mark.parametrize("htmx", [False, True])
def test_an_action_without_owner_is_refused_and_what_was_typed_is_kept(browser, story, htmx):
    headers = {"HX-Request": "true"} if htmx else {}
    address = f"/postmortems/{story.incident.number}/actions/add/"
    refused = browser.post(address, form_of(story, owner="", detail="half a thought"), headers=headers)

    assert refused.status_code == 422
    assert "Name one person who owns it" in words(refused)
    assert "half a thought</textarea>" in refused.content.decode()
    assert ("<html" in refused.content.decode()) is not htmx
    assert not ActionItem.objects.exists()


def test_closing_asks_how_it_was_verified_and_goes_back_where_one_came_from(browser, story):
    item = add(story)
    assert "How was it seen to work?" in words(browser.get(f"{LIST}{item.pk}/finish/"))
    refused = browser.post(f"{LIST}{item.pk}/finish/", {"verified_how": ""})
    assert refused.status_code == 422
    evil = browser.post(f"{LIST}{item.pk}/start/", {"next": "//evil.example/"})
    assert evil["Location"] == LIST
    assert ActionItem.objects.get().status == "in_progress"

    answer = browser.post(f"{LIST}{item.pk}/finish/", {"verified_how": "It rang.", "next": "/action-items/?show=mine"})

    assert answer["Location"] == "/action-items/?show=mine"
    assert "It rang." in words(browser.get(f"{LIST}{item.pk}/"))


def test_edit_changes_everything_and_a_stale_form_is_told(browser, story, writer):
    item = add(story)
    form = form_of(story, title="Better", owner=writer.pk, status="dropped", dropped_because="Too dear.", version=1)

    assert browser.post(f"{LIST}{item.pk}/", form).status_code == 302
    item.refresh_from_db()
    assert (item.title, item.owner, item.status, item.version) == ("Better", writer, "dropped", 2)
    stale = browser.post(f"{LIST}{item.pk}/", form)
    assert stale.status_code == 422
    assert "meanwhile" in words(stale)
    assert 'name="version" value="2"' in stale.content.decode()


def test_r85_nothing_in_an_action_runs(browser, story):
    item = add(story, EVIL, detail=EVIL)
    browser.post(f"{LIST}{item.pk}/finish/", {"verified_how": EVIL})

    for address in (f"{LIST}{item.pk}/", f"{LIST}?show=done", f"/postmortems/{story.incident.number}/"):
        page = browser.get(address).content.decode()
        assert "<script>alert" not in page, address
        assert "<img" not in page, address
        assert 'href="javascript' not in page, address
    assert "<strong>b</strong>" in browser.get(f"{LIST}{item.pk}/").content.decode()


def test_viewers_read_and_strangers_see_nothing_of_a_private_incident(signed_in, story, begin):
    item = add(story)
    browser = signed_in(UserFactory(access=Access.VIEWER))
    assert "Done…" not in words(browser.get(LIST))
    assert browser.get(f"{LIST}{item.pk}/").status_code == 200
    for path, said in ((f"{LIST}{item.pk}/", form_of(story)), (f"{LIST}{item.pk}/start/", {})):
        assert browser.post(path, said).status_code == 403

    hidden = begin(private=True)
    hidden.resolve()
    secret = add(hidden, "secret", owner=hidden.commander)
    browser = signed_in(UserFactory())
    assert "secret" not in words(browser.get(LIST))
    assert "1 action item is open" in words(browser.get(LIST))
    assert browser.get(f"{LIST}{secret.pk}/").status_code == 404
    assert browser.post(f"{LIST}{secret.pk}/start/").status_code == 404


def test_the_items_of_a_published_postmortem_can_still_be_done(browser, story):
    item = add(story)
    Postmortem.objects.update(status=DocumentStatus.PUBLISHED)

    assert browser.post(f"{LIST}{item.pk}/finish/", {"verified_how": "It rang."}).status_code == 302
    assert ActionItem.objects.get().status == "done"


def test_the_editor_costs_at_most_20_queries_with_200_whys_and_50_actions(
    browser, story, django_assert_max_num_queries
):
    rows = []
    for number in range(200):
        said = Said(f"why {number}", is_root_cause=number > 150, category="process", enough_because="x")
        under = [rows[number // 4].pk] if number > 4 else []
        rows.append(whys.ask(story.document, said, under=under, by=story.commander, at=timezone.now()))
    for number in range(50):
        add(story, f"item {number}", root_causes=(rows[151 + number % 40].pk,))

    for address in (f"/postmortems/{story.incident.number}/", f"/postmortems/{story.incident.number}/whys/"):
        with django_assert_max_num_queries(20):
            assert browser.get(address).status_code == 200
