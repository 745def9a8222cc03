"""Review, the gate that names everything at once, freezing, corrections, reminders, closing only what is published."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from incidents import lifecycle
from incidents.models import Clock, Notice, Rule, TimelineEntry
from incidents.refusals import Invalid, TransitionError
from incidents.states import ClockState, Status
from postmortems import actions, editing, library, publishing, reminding, whys
from postmortems.actions import Plan
from postmortems.causes import Causes
from postmortems.models import DocumentStatus, Erratum, Postmortem
from postmortems.publishing import NotReady
from postmortems.whys import Said
from tests.factories import UserFactory
from tests.postmortems.conftest import open_incident
from tests.postmortems.reading import words

ROOT = Said("No review of SQL", is_root_cause=True, category="process", enough_because="It is ours.")


@pytest.fixture
def at(story):
    return story.minute(60)


@pytest.fixture
def lee(db):
    return UserFactory(name="Lee Park")


def complete(story, at):
    """Everything that the gate asks for."""
    by = story.commander
    for section in story.document.sections.filter(text=""):
        editing.save_section(section, text=f"About {section.key}.", base_version=section.version, by=by, at=at)
    root = whys.ask(story.document, ROOT, by=by, at=at)
    actions.add(story.incident, Plan("Review SQL", by, root_causes=(root.pk,)), by=by, at=at)


def publish(story, at, by=None):
    return publishing.publish(Postmortem.objects.get(incident=story.incident), by=by or story.commander, at=at)


def missing(story):
    document = Postmortem.objects.select_related("incident__severity").get(incident=story.incident)
    return [one.words for one in publishing.missing_of(document, Causes(document))]


# The gate


def test_i46_i50_the_gate_lists_all_that_is_missing_at_once(story, at, lee):
    loose = whys.ask(story.document, Said("The pool was exhausted"), by=lee, at=at)
    whys.ask(story.document, ROOT, under=[loose.pk], by=lee, at=at)
    whys.ask(story.document, Said("Half asked"), by=lee, at=at)
    publishing.ask_review(story.document, [lee], by=story.commander, at=at)

    with pytest.raises(NotReady) as refused:
        publish(story, at)

    assert [one.words for one in refused.value.missing] == [
        "Root cause analysis is empty: write it, or say why it does not apply.",
        "Improvements is empty: write it, or say why it does not apply.",
        "Lessons learned is empty: write it, or say why it does not apply.",
        "“Half asked” leads nowhere yet: ask again, or mark it as a root cause.",
        "“No review of SQL” has neither an action nor a note why its risk is accepted.",
        "There is no action item: add one, or say why nothing is to be done.",
        "Lee Park has not answered yet.",
    ]
    assert Postmortem.objects.get().status == "in_review"


def test_r79_an_accepted_risk_takes_the_place_of_an_action(story, at):
    complete(story, at)
    said = Said(**{**vars(ROOT), "answer": "Too rare to change", "accepted_risk": "Once in ten years."})
    whys.ask(story.document, said, by=story.commander, at=at)

    assert missing(story) == []


def test_r36_no_action_is_needed_where_somebody_says_why(story, at):
    complete(story, at)
    said = Said("x", is_root_cause=True, category="third_party", enough_because="y", accepted_risk="z")
    [item] = story.incident.action_items.all()
    actions.edit(item, actions.plan_of(item), actions.Ending("dropped", dropped_because="x"), by=story.commander, at=at)
    [root] = [node.why for node in Causes(story.document).roots]
    whys.edit(root, said, by=story.commander, at=at)
    assert missing(story) == []
    whys.edit(root, Said(**{**vars(said), "is_root_cause": False}), by=story.commander, at=at)

    assert "There is no action item: add one, or say why nothing is to be done." in missing(story)
    publishing.excuse(story.document, "The product is switched off next week.")
    assert "There is no action item: add one, or say why nothing is to be done." not in missing(story)


def test_an_optional_postmortem_needs_no_root_cause(begin):
    story = begin(level=3)
    story.resolve()
    at = story.minute(60)
    assert "The five whys name no root cause yet." not in missing(story)
    p0 = begin()
    p0.resolve()
    assert "The five whys name no root cause yet." in missing(p0)
    assert at


def test_while_the_incident_is_open_again_it_is_not_published(story, at):
    complete(story, at)
    lifecycle.reopen(story.incident, reason="It is back.", by=story.commander, at=at)
    assert missing(story) == ["The incident is open again: resolve it first."]


# Review


def test_reviewers_are_told_approve_or_ask_for_changes(story, at, lee):
    complete(story, at)
    publishing.ask_review(story.document, [lee], by=story.commander, at=at)
    assert Notice.objects.filter(person=lee, subject__contains="asks you to review").count() == 1
    with pytest.raises(Invalid, match="what has to change"):
        publishing.answer(story.document, verdict="changes", by=lee, at=at)

    publishing.answer(story.document, verdict="changes", note="Which index?", by=lee, at=at)
    assert missing(story) == ["Lee Park asks for changes."]
    assert Notice.objects.filter(person=story.commander, subject__contains="asks for changes").count() == 1
    publishing.answer(story.document, verdict="approved", by=lee, at=at + timedelta(minutes=1))

    assert publish(story, at).status == DocumentStatus.PUBLISHED


def test_nobody_is_asked_to_review_what_they_may_not_see(begin, lee):
    hidden = begin(private=True)
    hidden.resolve()
    with pytest.raises(Invalid, match="has no part"):
        publishing.ask_review(hidden.document, [lee], by=hidden.commander, at=hidden.minute(60))
    with pytest.raises(Invalid, match="1 to 10"):
        publishing.ask_review(hidden.document, [], by=hidden.commander, at=hidden.minute(60))


# Published


def test_publishing_meets_the_clock_tells_the_timeline_and_freezes_what_is_known(story, at):
    complete(story, at)

    document = publish(story, at)

    assert (document.published_at, document.published_by, document.remind_at) == (at, story.commander, None)
    assert Clock.objects.get(incident=story.incident, rule=Rule.POSTMORTEM).state == ClockState.MET
    assert TimelineEntry.objects.filter(kind="postmortem", text="The postmortem is published.").count() == 1
    assert (document.facts["severity"], document.facts["service"], document.facts["people"]) == (
        "P0",
        "Checkout",
        ["Amira Haddad"],
    )
    assert [moment["label"] for moment in document.facts["moments"]][:2] == ["Detected", "Acknowledged"]
    with pytest.raises(TransitionError, match="was published"):
        publish(story, at)


def test_a_later_change_does_not_reach_the_frozen_facts(story, at, signed_in, lee):
    complete(story, at)
    publish(story, at)
    service = story.incident.service
    service.name = "Renamed"
    service.save()

    page = words(signed_in(lee).get(f"/postmortems/{story.incident.number}/"))

    assert "As it stood when it was published." in page
    assert "Checkout, " in page.partition("What is on record")[2]
    assert "Renamed" not in page.partition("What is on record")[2]


def test_a_correction_is_a_revision_that_readers_see(story, at, lee, signed_in):
    section = story.section("summary")
    with pytest.raises(TransitionError, match="not published yet"):
        publishing.correct(section, text="x", reason="y", base_version=1, by=lee, at=at)
    complete(story, at)
    publish(story, at)
    with pytest.raises(TransitionError):
        editing.save_section(section, text="x", base_version=1, by=lee, at=at)
    with pytest.raises(Invalid, match="what was wrong"):
        publishing.correct(section, text="x", reason=" ", base_version=1, by=lee, at=at)
    with pytest.raises(editing.Conflict):
        publishing.correct(section, text="x", reason="y", base_version=9, by=lee, at=at)

    browser = signed_in(lee)
    address = f"/postmortems/{story.incident.number}/sections/summary/correct/"
    assert browser.post(address, {"text": "It was 19 minutes.", "reason": "", "base_version": 1}).status_code == 422
    browser.post(address, {"text": "It was 19 minutes.", "reason": "**Miscounted**", "base_version": 1})

    erratum = Erratum.objects.get()
    assert (erratum.version, erratum.by, story.text("summary")) == (2, lee, "It was 19 minutes.")
    assert story.section("summary").revisions.count() == 2
    page = browser.get(f"/postmortems/{story.incident.number}/").content.decode()
    assert "<strong>Miscounted</strong>" in page


def test_of_publishing_and_saving_at_once_nothing_is_saved_into_a_published_one(committed_db):
    story = open_incident()
    story.resolve()
    at = story.minute(60)
    complete(story, at)
    document, section, start, outcomes = story.document, story.section("summary"), threading.Barrier(2), []

    def save():
        start.wait()
        try:
            saved = editing.save_section(section, text="late", base_version=1, by=story.commander, at=at)
            outcomes.append(("saved", saved.version))
        except TransitionError:
            outcomes.append(("refused", 1))
        finally:
            connection.close()

    def go():
        start.wait()
        publishing.publish(document, by=story.commander, at=at)
        outcomes.append(("published", story.section("summary").version))
        connection.close()

    threads = [threading.Thread(target=deed) for deed in (save, go)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    said = dict(outcomes)
    assert said.keys() in ({"saved", "published"}, {"refused", "published"})
    assert story.section("summary").version == (said.get("saved") or said["refused"])


# Closing


def test_r08_r29_i33_a_p0_is_not_closed_before_its_postmortem_is_published_and_all_is_named(story, at):
    with pytest.raises(TransitionError) as refused:
        lifecycle.close(story.incident, by=story.commander, at=at)
    for said in (
        "cannot be closed yet",
        "P0 Critical",
        "Lessons learned is empty",
        "no root cause yet",
        "no action item",
    ):
        assert said in str(refused.value)
    story.incident.refresh_from_db()
    assert story.incident.status == Status.RESOLVED

    complete(story, at)
    publish(story, at)
    assert lifecycle.close(story.incident, by=story.commander, at=at).status == Status.CLOSED


@pytest.mark.parametrize(
    ("level", "said"), [(2, {}), (3, {}), (4, {}), (0, {"kind": "drill"}), (0, {"kind": "backfill"})]
)
def test_i33_a_p3_closes_freely_and_so_does_what_is_not_real(begin, level, said):
    story = begin(level=level, **said)
    story.resolve()
    assert lifecycle.close(story.incident, by=story.commander, at=story.minute(60)).status == Status.CLOSED


def test_r29_a_p1_waits_for_its_postmortem_too(begin):
    story = begin(level=1)
    story.resolve()
    with pytest.raises(TransitionError, match="postmortem is published first"):
        lifecycle.close(story.incident, by=story.commander, at=story.minute(60))


# Reminders


def subjects(person):
    return list(Notice.objects.filter(person=person).order_by("pk").values_list("subject", flat=True))


@pytest.mark.parametrize(("level", "hours"), [(0, 24), (1, 48)])
def test_r75_the_owner_is_reminded_in_the_last_quarter_at_the_deadline_and_each_day_after(begin, level, hours):
    story = begin(level=level)
    story.resolve()
    due_at = story.document.due_at
    assert due_at == story.minute(18) + timedelta(hours=hours)
    wanted = [due_at - timedelta(hours=hours / 4), due_at, due_at + timedelta(days=1), due_at + timedelta(days=2)]

    for moment in wanted:
        assert Postmortem.objects.get().remind_at == moment
        assert reminding.nag_due(moment).rows == 0
        assert reminding.nag_due(moment + timedelta(seconds=1)).rows == 1

    ref = story.incident.ref
    assert subjects(story.commander) == [f"Postmortem of {ref} is due soon"] + [f"Postmortem of {ref} is late"] * 3


def test_r75_where_none_is_owed_nobody_is_reminded_until_somebody_writes(begin):
    story = begin(level=4)
    story.resolve()
    Notice.objects.all().delete()
    assert reminding.nag_due(story.minute(100 * 60)).rows == 1
    assert subjects(story.commander) == []

    editing.save_section(
        story.section("lessons"), text="x", base_version=1, by=story.commander, at=story.minute(101 * 60)
    )
    reminding.nag_due(story.minute(200 * 60))
    assert subjects(story.commander) == [f"Postmortem of {story.incident.ref} is late"]


def test_r75_the_overdue_list_shows_what_is_late_alone(begin, signed_in, lee):
    late, fine = begin(title="late"), begin(title="fine")
    for story in (late, fine):
        story.resolve()
    Postmortem.objects.filter(incident=late.incident).update(due_at=timezone.now() - timedelta(hours=1))
    Postmortem.objects.filter(incident=fine.incident).update(due_at=timezone.now() + timedelta(hours=1))

    browser = signed_in(lee)

    rows = browser.get("/postmortems/", {"show": "late"}).context["rows"]
    assert [row.incident.title for row in rows] == ["late"]
    Postmortem.objects.all().update(due_at=timezone.now() + timedelta(hours=1))
    assert "No postmortem is late" in words(browser.get("/postmortems/", {"show": "late"}))


# The pages


def test_r84_review_and_publish_are_plain_forms(story, at, lee, signed_in):
    browser = signed_in(lee)
    home = f"/postmortems/{story.incident.number}/"
    page = words(browser.get(home))
    assert "Before you publish" in page
    assert "Lessons learned is empty" in page
    assert "5 things are missing" in words(browser.get(f"{home}publish/"))
    refused = browser.post(f"{home}publish/")
    assert (refused.status_code, Postmortem.objects.get().status) == (422, "draft")
    assert "Improvements is empty" in words(refused)

    complete(story, at)
    assert browser.post(f"{home}review/", {"reviewers": []}).status_code == 422
    browser.post(f"{home}review/", {"reviewers": [lee.pk]})
    browser.post(f"{home}review/answer/", {"verdict": "changes", "note": "<script>alert(1)</script> **why**"})
    page = browser.get(home)
    assert "Lee Park asks for changes." in words(page)
    assert "<strong>why</strong>" in page.content.decode()
    assert "<script>alert" not in page.content.decode()
    browser.post(f"{home}review/answer/", {"verdict": "approved"})
    assert "Ready to be published" in words(browser.get(f"{home}publish/"))
    answer = browser.post(f"{home}publish/", follow=True)

    assert "Published" in words(answer)
    assert library.visible_to(lee, at).get().status == DocumentStatus.PUBLISHED


def test_viewers_do_not_publish_and_strangers_see_nothing(story, signed_in, viewer, begin):
    browser = signed_in(viewer)
    home = f"/postmortems/{story.incident.number}/"
    for path in ("publish/", "review/", "review/answer/", "no-action/"):
        assert browser.post(f"{home}{path}").status_code == 403
    hidden = begin(private=True)
    hidden.resolve()
    assert signed_in(UserFactory()).get(f"/postmortems/{hidden.incident.number}/publish/").status_code == 404
