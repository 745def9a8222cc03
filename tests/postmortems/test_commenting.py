"""Comments: threads on sections, answers and action items; who is told; what blocks publishing."""

import re

import pytest
from django.test import Client

from incidents.models import Notice
from incidents.refusals import Invalid
from postmortems import actions, commenting, publishing, whys
from postmortems.actions import Plan
from postmortems.commenting import Thread
from postmortems.models import Comment, Postmortem
from postmortems.publishing import NotReady
from postmortems.whys import Said
from tests.api_caller import Caller, fields_of, responder
from tests.factories import UserFactory
from tests.postmortems.test_publishing import complete, publish

EVIL = "**so** <script>alert(1)</script> [x](javascript:alert(1))"


@pytest.fixture
def at(story):
    return story.minute(60)


@pytest.fixture
def lee(db):
    return UserFactory(name="Lee Park")


@pytest.fixture
def browser(signed_in, lee):
    return signed_in(lee)


def comment(story, by, at, on="lessons", **said):
    return commenting.begin(story.incident, story.section(on), by=by, at=at, **{"text": "Is this so?", **said})


def home(story):
    return f"/postmortems/{story.incident.number}/comments/"


def told(person):
    return list(
        Notice.objects.filter(person=person, dedupe_key__startswith="comment:").values_list("subject", flat=True)
    )


# Threads


def test_a_thread_is_told_to_the_owner_and_to_whoever_wrote_the_part(story, at, lee):
    author = UserFactory(name="Noor")
    why = whys.ask(story.document, Said("Slow queries"), by=author, at=at)

    commenting.begin(story.incident, why, text="Which?", by=lee, at=at)

    said = f"Lee Park comments on “Slow queries” of {story.incident.ref}"
    assert told(author) == [said]
    assert told(story.commander) == [said]
    assert told(lee) == []


def test_an_answer_is_told_to_everybody_in_the_thread_and_opens_a_resolved_one_again(story, at, lee):
    noor = UserFactory(name="Noor")
    first = comment(story, lee, at)
    commenting.reply(first, text="Yes.", by=noor, at=at)
    commenting.resolve(first, by=noor, at=at)
    Notice.objects.all().delete()

    answer = commenting.reply(first, text="No.", by=story.commander, at=at)

    first.refresh_from_db()
    assert first.is_open
    assert answer.thread == first
    assert told(lee) == told(noor) == [f"Amira Haddad answers in a comment on Lessons learned of {story.incident.ref}"]
    assert told(story.commander) == []


def test_resolving_tells_whoever_began_it_once(story, at, lee):
    first = comment(story, lee, at)

    commenting.resolve(first, by=story.commander, at=at)
    commenting.resolve(first, by=story.commander, at=story.minute(61))

    assert told(lee) == [f"Amira Haddad resolved your comment on Lessons learned of {story.incident.ref}"]
    assert not commenting.threads_of(story.incident)[0].first.is_open


def test_nobody_is_told_of_what_they_may_not_see_any_more(begin, at, lee):
    hidden = begin(private=True)
    hidden.resolve()
    why = whys.ask(hidden.document, Said("Slow queries"), by=lee, at=at)

    commenting.begin(hidden.incident, why, text="Which?", by=UserFactory(), at=at)

    assert told(lee) == []
    assert len(told(hidden.commander)) == 1


@pytest.mark.parametrize(("text", "words"), [("  ", "Write what you mean"), ("x" * 10_001, "10,000 characters")])
def test_a_comment_without_words_or_with_too_many_is_refused(story, at, lee, text, words):
    with pytest.raises(Invalid, match=words):
        comment(story, lee, at, text=text)
    first = comment(story, lee, at)
    with pytest.raises(Invalid, match=words):
        commenting.reply(first, text=text, by=lee, at=at)
    assert Comment.objects.count() == 1


def test_there_is_an_end_to_comments(story, at, lee, monkeypatch):
    monkeypatch.setattr(commenting, "MOST", 1)
    first = comment(story, lee, at)

    with pytest.raises(commenting.TransitionError, match="enough"):
        commenting.reply(first, text="more", by=lee, at=at)


# The gate


def test_i50_a_blocking_comment_stands_before_publishing_until_it_is_resolved(story, at, lee):
    complete(story, at)
    first = comment(story, lee, at, is_blocking=True)
    comment(story, lee, at, text="By the way.")

    with pytest.raises(NotReady) as refusal:
        publish(story, at)
    assert [one.words for one in refusal.value.missing] == ["A comment of Lee Park blocks it: “Is this so?”."]

    commenting.resolve(first, by=story.commander, at=at)
    assert publish(story, at).published_at == at


def test_what_is_published_is_commented_without_blocking(story, at, lee):
    complete(story, at)
    publish(story, at)

    with pytest.raises(Invalid, match="without blocking"):
        comment(story, lee, at, is_blocking=True)
    assert comment(story, lee, at).pk


def test_the_gate_reads_the_same_whether_it_was_read_before_or_not(story, at, lee, browser):
    comment(story, lee, at, is_blocking=True)
    document = Postmortem.objects.select_related("incident__severity").get(incident=story.incident)

    page = browser.get(f"/postmortems/{story.incident.number}/")

    assert page.context["missing"] == publishing.missing_of(document, page.context["causes"])


# The pages


def test_r84_a_comment_is_written_answered_and_resolved_by_plain_forms(browser, story, lee):
    shown = browser.get(home(story), {"on": "section-lessons", "quote": "well enough"})
    assert 'value="section-lessons" selected' in shown.content.decode()
    assert "well enough" in shown.content.decode()

    made = browser.post(home(story), {"on": "section-lessons", "text": EVIL, "quote": "well enough", "blocking": "on"})
    first = Comment.objects.get()
    assert made.headers["Location"] == f"{home(story)}#comment-{first.pk}"
    assert (first.by, first.is_blocking, first.quote) == (lee, True, "well enough")

    answer = browser.post(
        f"/comments/{first.pk}/reply/", {"text": "Indeed.", "next": f"/postmortems/{story.incident.number}/"}
    )
    assert answer.headers["Location"].startswith(f"/postmortems/{story.incident.number}/#comment-")
    page = browser.get(f"/postmortems/{story.incident.number}/").content.decode()
    assert "Indeed." in page
    assert "blocks publishing" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page

    browser.post(f"/comments/{first.pk}/resolve/")
    assert "resolved by Lee Park" in browser.get(home(story)).content.decode()
    browser.post(f"/comments/{first.pk}/reopen/")
    assert "1 comment is open, 1 blocks publishing" in browser.get(home(story)).content.decode()


def test_a_refused_comment_keeps_what_was_typed(browser, story, at, lee):
    first = comment(story, lee, at)
    long = "y" * 10_001

    refused = browser.post(home(story), {"on": "section-nothing", "text": "kept", "quote": ""})
    answer = browser.post(f"/comments/{first.pk}/reply/", {"text": long})

    assert refused.status_code == answer.status_code == 422
    assert "kept" in refused.content.decode()
    assert "not there any more" in refused.content.decode()
    assert long in answer.content.decode()


def test_nobody_is_led_away_from_the_house_after_an_answer(browser, story, at, lee):
    first = comment(story, lee, at)

    for away in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        answer = browser.post(f"/comments/{first.pk}/resolve/", {"next": away})
        assert answer.headers["Location"].startswith(home(story))


def test_an_action_item_of_a_planned_level_is_commented_without_a_postmortem(browser, begin, lee):
    story = begin(level=4)
    item = story.incident.action_items.get()
    assert browser.get(f"/action-items/{item.pk}/").status_code == 200

    browser.post(home(story), {"on": f"action-{item.pk}", "text": "When?"})

    page = browser.get(f"/action-items/{item.pk}/").content.decode()
    assert "When?" in page
    assert "blocking" not in browser.get(home(story)).content.decode()
    assert commenting.path_of(Comment.objects.get()) == f"/action-items/{item.pk}/#comment-{Comment.objects.get().pk}"


def test_counts_stand_where_the_comments_belong(browser, story, at, lee):
    why = whys.ask(story.document, Said("Slow queries"), by=lee, at=at)
    item = actions.add(story.incident, Plan("Review SQL", lee), by=lee, at=at)
    for about in (why, item):
        commenting.begin(story.incident, about, text="Which?", by=lee, at=at)

    page = browser.get(f"/postmortems/{story.incident.number}/").content.decode()
    tree = browser.get(f"/postmortems/{story.incident.number}/whys/").content.decode()

    assert page.count("1 comment</a>") == 2
    assert re.search(rf'comments/\?on=why-{why.pk}">.*?1 comment', tree, re.S)
    assert [thread.name for thread in commenting.threads_of(story.incident)] == ["“Slow queries”", "“Review SQL”"]


def test_readers_read_and_strangers_find_nothing(story, begin, at, viewer, client, signed_in):
    first = comment(story, story.commander, at)
    hidden = begin(private=True)
    hidden.resolve()
    secret = comment(hidden, hidden.commander, at)
    assert client.get(home(story)).status_code == 302

    reader = signed_in(viewer)
    page = reader.get(home(story)).content.decode()
    assert "Is this so?" in page
    assert "New comment" not in page
    for path in (f"/comments/{first.pk}/resolve/", f"/comments/{first.pk}/reply/", home(story)):
        assert reader.post(path, {"text": "x", "on": "section-lessons"}).status_code == 403
    other = Client()
    other.force_login(UserFactory())
    for path in (f"/comments/{secret.pk}/resolve/", f"/comments/{secret.pk}/reply/", f"/comments/{secret.pk}/reopen/"):
        assert other.post(path, {"text": "x"}).status_code == 404
    assert other.get(home(hidden)).status_code == 404


def test_the_page_says_so_when_nobody_commented(browser, story, begin):
    assert "Nobody has commented yet" in browser.get(home(story)).content.decode()
    assert browser.get(home(begin(level=1))).status_code == 404


@pytest.mark.parametrize("count", [1, 4])
def test_the_page_costs_the_same_for_one_and_four(browser, story, at, django_assert_num_queries, count):
    for _ in range(count):
        commenting.reply(comment(story, UserFactory(), at), text="x", by=UserFactory(), at=at)

    with django_assert_num_queries(10):  # session, user, access, incident, document, threads, 3 of the choices, shell
        browser.get(home(story))


# The API


def test_comments_over_the_api(story, begin):
    caller, path = responder(email="lee@example.com"), f"postmortems/{story.incident.number}/comments"
    first = caller.post(path, on="section-lessons", text="Is this so?", quote="so", blocking=True)
    assert first.status_code == 201, first.content
    pk = first.json()["id"]
    assert caller.post(f"comments/{pk}/replies", text="Yes.").json()["replies"][0]["by"] == "lee@example.com"
    assert caller.post(f"comments/{pk}/resolve").json()["resolved_by"] == "lee@example.com"
    assert caller.post(f"comments/{pk}/reopen").json()["resolved_at"] is None

    [listed] = caller.get(path).json()["items"]
    assert (listed["on"], listed["blocking"], len(listed["replies"])) == ("section-lessons", True, 1)
    assert fields_of(caller.post(path, on="why-1", text="x")) == ["on"]
    assert caller.post(f"comments/{Thread(Comment.objects.first()).first.pk + 99}/resolve").status_code == 404
    hidden = begin(private=True)
    hidden.resolve()
    assert caller.get(f"postmortems/{hidden.incident.number}/comments").status_code == 404
    assert Caller(UserFactory(), "read").post(path, on="section-lessons", text="x").status_code == 403
