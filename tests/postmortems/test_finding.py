"""The library: search by words, facets, what happened before, root causes that come back."""

import pytest
from django.utils import timezone

from incidents import due
from incidents.models import Setback, Severity
from postmortems import actions, editing, finding, indexing, recurring, reminding, whys
from postmortems.actions import Plan
from postmortems.finding import Wanted
from postmortems.models import ActionItem, Postmortem, SearchText, StaleText
from postmortems.whys import Said
from tests.api_caller import fields_of, responder
from tests.factories import ServiceFactory
from tests.postmortems.reading import words

LIBRARY = "/postmortems/library/"
ROOT = Said("Nobody reviews SQL before a release", is_root_cause=True, category="process", enough_because="Ours.")


@pytest.fixture
def at(story):
    return story.minute(60)


def read():
    """What the tick does about the library."""
    while indexing.read_due(timezone.now()).rows:
        pass


def found(user, **wanted):
    read()
    keys = finding.find(user, Wanted(**wanted)).keys
    return [hit.incident.title for hit in finding.hits(keys, wanted.get("q", ""))]


def root_of(story, by, at, words=ROOT.answer):
    return whys.ask(story.document, Said(**{**vars(ROOT), "answer": words}), by=by, at=at)


# Words


def test_i50_a_document_is_found_by_a_word_in_an_answer_a_section_an_action_and_its_title(story, writer, at, begin):
    begin(title="Something else").resolve()
    whys.ask(story.document, Said("The gearbox was worn"), by=writer, at=at)
    editing.save_section(story.section("lessons"), text="We met a walrus.", base_version=1, by=writer, at=at)
    actions.add(story.incident, Plan("Buy a telescope", writer), by=writer, at=at)

    for said in (
        "gearboxes",
        "walrus",
        "telescope",
        "payments failing",
        f"INC-{story.incident.number}",
        "WALRUS gearbox",
    ):
        assert found(writer, q=said) == [story.incident.title], said
    for said in ("zeppelin", "gearbox -walrus", '"worn gearbox"'):
        assert found(writer, q=said) == [], said


def test_a_removed_answer_and_an_old_text_are_found_no_more(story, writer, at):
    why = whys.ask(story.document, Said("The gearbox was worn"), by=writer, at=at)
    editing.save_section(story.section("lessons"), text="walrus", base_version=1, by=writer, at=at)
    assert found(writer, q="gearbox walrus")

    whys.remove(why, by=writer, at=at)
    editing.save_section(story.section("lessons"), text="seal", base_version=2, by=writer, at=at)

    assert found(writer, q="gearbox") == found(writer, q="walrus") == []
    assert found(writer, q="seal")


def test_what_changes_is_noted_once_and_read_in_sets(story, writer, at):
    read()
    assert (StaleText.objects.count(), SearchText.objects.count()) == (0, 1)
    story.incident.refresh_from_db()
    story.incident.save()
    assert StaleText.objects.count() == 0, "a save that changes no words is no news"

    editing.save_section(story.section("lessons"), text="walrus", base_version=1, by=writer, at=at)

    assert StaleText.objects.count() == 1
    assert due.settle(at) >= 1
    assert StaleText.objects.count() == 0


def test_the_longest_document_can_be_searched(story, writer, at):
    for number, section in enumerate(story.document.sections.all()):
        text = " ".join(f"w{number}x{place:05}" for place in range(11_000))
        editing.save_section(section, text=text[:99_000], base_version=section.version, by=writer, at=at)

    assert found(writer, q="w0x00001") == [story.incident.title]
    assert Setback.objects.count() == 0


@pytest.mark.parametrize("said", ["'", '"', "(((", "&|!:*", "a" * 200, "\\", "%", "or or -", "⟦x⟧", "' OR 1=1 --"])
def test_whatever_is_typed_is_searched_and_never_fails(browser, story, said):
    read()
    assert browser.get(LIBRARY, {"q": said}).status_code == 200


def test_hits_are_marked_and_nothing_in_them_runs(browser, story, writer, at):
    evil = "walrus <img src=x onerror=alert(1)> and a second walrus"
    editing.save_section(story.section("lessons"), text=evil, base_version=1, by=writer, at=at)
    read()

    page = browser.get(LIBRARY, {"q": "walruses"}).content.decode()

    assert page.count("<mark>walrus</mark>") == 2
    assert "<img" not in page


def test_the_better_match_stands_first(begin, writer, story, at):
    other = begin(title="A walrus sat on the line")
    other.resolve()
    editing.save_section(story.section("lessons"), text="walrus", base_version=1, by=writer, at=at)

    assert found(writer, q="walrus") == ["A walrus sat on the line", story.incident.title]


# Facets, and who finds what


def test_facets_narrow_and_count(browser, begin, writer):
    here, there = ServiceFactory(name="Here"), ServiceFactory(name="There")
    stories = [begin(title=f"n{n}", service=service, level=n) for n, service in enumerate((here, here, there))]
    for story in stories:
        story.resolve()
    root_of(stories[2], writer, stories[2].minute(60))
    read()

    page = browser.get(LIBRARY, {"service": here.slug})

    assert "2 postmortems" in words(page)
    assert {choice[0].label: choice[0].count for choice in dict(page.context["facets"])["Severity"]} == {
        "P0": 1,
        "P1": 1,
    }
    assert [one[0].value for one in dict(browser.get(LIBRARY).context["facets"])["Root cause"]] == ["process"]
    for name, value, count in (
        ("severity", "1", 1),
        ("category", "process", 1),
        ("team", there.team.slug, 1),
        ("quarter", "2026-Q4", 3),
        ("quarter", "2026-Q3", 0),
        ("detection", "monitoring", 3),
        ("status", "draft", 3),
        ("status", "published", 0),
    ):
        assert len(found(writer, **{name: value})) == count, (name, value)
    chosen = dict(page.context["facets"])["Service"]
    assert [(one[0].label, one[1], one[2]) for one in chosen] == [("Here", "?", True)]


def test_i57_a_drill_is_left_out_until_it_is_asked_for(begin, writer):
    begin(kind="drill", title="rehearsal").resolve()

    assert found(writer) == []
    assert found(writer, drills=True) == ["rehearsal"]


def test_a_private_one_is_neither_found_nor_counted(browser, begin, writer):
    hidden = begin(private=True, title="walrus")
    hidden.resolve()
    read()

    page = browser.get(LIBRARY, {"q": "walrus"})

    assert "0 postmortems" in words(page)
    assert page.context["facets"] == []
    assert found(hidden.commander, q="walrus") == ["walrus"]
    assert recurring.alike(writer, "walrus", None) == []


def test_the_page_says_so_when_nothing_fits_and_when_nothing_is_there(browser, story):
    read()
    assert "No postmortem fits" in words(browser.get(LIBRARY, {"q": "zeppelin"}))
    Postmortem.objects.all().delete()
    assert "The library is empty" in words(browser.get(LIBRARY))


def test_the_library_needs_a_person(client, story):
    for path in (LIBRARY, "/postmortems/before/", f"/incidents/{story.incident.number}/before/"):
        assert client.get(path).status_code == 302


@pytest.mark.parametrize("count", [1, 4])
def test_a_search_costs_the_same_for_one_and_four(browser, begin, django_assert_num_queries, count):
    for _ in range(count):
        begin().resolve()
    read()

    with django_assert_num_queries(
        13
    ):  # session, user, shell; hits, causes, levels, rank; documents, causes, actions, 3 of the excerpts
        browser.get(LIBRARY, {"q": "payments"})


# What happened before


def test_what_was_much_alike_and_what_ended_it_is_shown_when_it_happens_again(browser, story, begin, writer, at):
    root_of(story, writer, at)
    actions.add(story.incident, Plan("Review SQL", writer), by=writer, at=at)
    again = begin(title="Card payments failing for some", service=story.incident.service)

    card = words(browser.get(f"/incidents/{again.incident.number}/before/"))
    typed = words(
        browser.get("/postmortems/before/", {"title": "card payments fail", "service": str(story.incident.service_id)})
    )

    for text in (card, typed):
        for said in (story.incident.title, ROOT.answer, "1 action still open", "Review SQL"):
            assert said in text
    assert words(browser.get("/postmortems/before/", {"title": "abc"})) == ""
    assert "Nothing of the past" in words(browser.get(f"/incidents/{begin(title='Zeppelin').incident.number}/before/"))


def test_r79_a_root_cause_that_comes_back_is_shown_with_its_open_actions(browser, story, begin, writer, at):
    first = root_of(story, writer, at)
    item = actions.add(story.incident, Plan("Review SQL", writer, root_causes=(first.pk,)), by=writer, at=at)
    again = begin(title="Another day")
    again.resolve()
    root_of(again, writer, at, "No one reviews the SQL before a release")
    root_of(again, writer, at, "Disk alarms go to an old address")

    text = words(browser.get(f"/postmortems/{again.incident.number}/"))

    assert "This came back: No one reviews the SQL before a release" in text
    assert f"Found before in {story.incident.ref}" in text
    assert "Still open: Review SQL" in text
    assert "This came back: Disk" not in text
    ActionItem.objects.filter(pk=item.pk).update(status="done", verified_how="x", closed_at=at)
    assert "Nothing is open about it" in words(browser.get(f"/postmortems/{again.incident.number}/"))


@pytest.mark.parametrize(
    ("one", "other", "value"), [("same", "same", 1), ("", "x", 0), ("disk full", "disk is full", 0.75)]
)
def test_likeness_is_that_of_postgres(one, other, value, db):
    from_postgres = (
        Severity.objects.extra(select={"near": "similarity(%s, %s)"}, select_params=[one, other]).first().near
    )

    assert recurring.likeness(one, other) == pytest.approx(from_postgres, abs=0.001)
    assert recurring.likeness(one, other) == pytest.approx(value, abs=0.2)


# The API


def test_the_library_over_the_api(story, begin):
    begin(title="walrus").resolve()
    read()
    caller = responder()

    [hit] = caller.get("postmortems", q="walrus").json()["items"]
    assert (hit["title"], hit["status"], hit["severity"]) == ("walrus", "draft", "P0")
    assert len(caller.get_all("postmortems", limit=1)) == 2
    assert fields_of(caller.get("postmortems", severity="P9")) == ["severity"]
    again = begin(title=story.incident.title)
    assert caller.get(f"incidents/{again.incident.number}/before").json()["items"][0]["ref"] == story.incident.ref


# Rows that fail


def test_a_reminder_that_fails_rests_and_stops_no_other(story, begin, monkeypatch, at):
    other = begin()
    other.resolve()
    poison = story.document.pk
    told = reminding._nagging
    monkeypatch.setattr(
        reminding, "_nagging", lambda document, at: 1 / 0 if document.pk == poison else told(document, at)
    )

    late = story.minute(60 * 40)
    reminding.nag_due(late)

    assert Setback.objects.get().row == poison
    assert Postmortem.objects.get(pk=other.document.pk).remind_at > late
    assert reminding.nag_due(late).rows == 0
