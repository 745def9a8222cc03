"""The workspace of the five whys: as a tree, a list and backwards; every deed a plain form, HTMX on top."""

import re

import pytest
from django.utils import timezone

from incidents.models import TimelineEntry
from postmortems import whys
from postmortems.causes import Causes
from postmortems.models import DocumentStatus, Postmortem, Why
from postmortems.whys import Said
from tests.factories import UserFactory
from tests.postmortems.reading import words

HTMX = {"headers": {"HX-Request": "true"}}
EVIL = "**b** <script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"


@pytest.fixture
def writer(db):
    return UserFactory(name="Lee Park")


@pytest.fixture
def browser(signed_in, writer):
    return signed_in(writer)


def home(story, rest=""):
    return f"/postmortems/{story.incident.number}/whys/{rest}"


def symptom(story):
    return Why.objects.get(postmortem=story.document, kind="symptom")


def ask(story, answer, *parents, **said):
    under = [why.pk for why in parents]
    return whys.ask(story.document, Said(answer, **said), under=under, by=story.commander, at=timezone.now())


def said(why, **changes):
    return {**vars(whys.said_of(why)), "is_root_cause": "", "version": why.version, **changes}


def test_r73_i45_the_workspace_counts_the_depth_and_ends_at_the_root_cause(browser, story):
    page = browser.get(home(story))
    assert "Depth 0 / 4" in words(page)
    assert "Ask again: why?" in words(page)
    assert "State the root cause" not in words(page)

    why = symptom(story)
    for number in range(1, 5):
        answer = browser.post(home(story, f"{why.pk}/ask/"), {"answer": f"answer {number}"})
        why = Why.objects.latest("pk")
        assert (answer.status_code, answer["Location"]) == (302, f"{home(story)}#why-{why.pk}")
        assert f"Depth {number} / 4" in words(browser.get(home(story)))

    page = browser.get(home(story))
    assert "State the root cause (why #5)" in words(page)
    root = home(story, f"{why.pk}/ask/?root=1")
    assert browser.get(root).context["form"]["is_root_cause"].value() is True
    browser.post(root, {"answer": "No review of SQL is required", "is_root_cause": "on", "category": "process"})

    rows = re.findall(r"Why #(\d) · ", words(browser.get(home(story) + "?as=list")))
    assert rows == ["1", "2", "3", "4", "5"]
    assert "Root cause · process" in words(browser.get(home(story)))
    assert "Depth 4 / 4" in words(browser.get(home(story)))


def test_r84_each_form_is_a_page_of_its_own_and_a_refused_one_keeps_what_was_typed(browser, story):
    top = symptom(story)
    page = browser.get(home(story, f"{top.pk}/ask/"))
    assert "<!doctype html>" in page.content.decode()
    assert "Why is it that Card payments failing at checkout" in page.content.decode()

    refused = browser.post(home(story, f"{top.pk}/ask/"), {"answer": "Half an answer", "is_root_cause": "on"})

    assert refused.status_code == 422
    assert "never a person" in words(refused)
    assert "Half an answer</textarea>" in refused.content.decode()
    assert Why.objects.count() == 1


def test_htmx_gets_the_form_in_place_and_the_fresh_tree_after_the_deed(browser, story):
    address = home(story, f"{symptom(story).pk}/ask/")
    form = browser.get(address, **HTMX).content.decode()
    assert form.lstrip().startswith("<div")
    assert "<html" not in form

    refused = browser.post(address, {"answer": " "}, **HTMX)
    assert refused.status_code == 422
    assert "Write an answer" in words(refused)
    done = browser.post(address, {"answer": "The pool was exhausted"}, **HTMX)

    assert (done["HX-Retarget"], done["HX-Reswap"]) == ("#whys", "outerHTML")
    assert f'"id": {Why.objects.latest("pk").pk}' in done["HX-Trigger-After-Settle"]
    assert 'role="tree"' in done.content.decode()
    assert "Depth 1 / 4" in words(done)


def test_the_tree_tells_assistive_technology_levels_and_branches(browser, story):
    one = ask(story, "one")
    two, three = ask(story, "two", one), ask(story, "three", one)
    shared = ask(story, "shared", two, three)

    page = browser.get(home(story)).content.decode()

    items = re.findall(r'role="treeitem"[^>]*?aria-level="(\d)"[^>]*?tabindex="(-?\d)"', page)
    assert items == [("1", "0"), ("2", "-1"), ("3", "-1"), ("4", "-1"), ("3", "-1"), ("4", "-1")]
    assert page.count('aria-expanded="true"') == 4
    assert page.count('role="group"') == 4
    assert page.count(f'id="why-{shared.pk}"') == 1
    assert f'Shared cause</small><a href="#why-{shared.pk}">shared</a>' in page
    assert "explains 2 things" in page


def test_edit_marks_a_root_cause_and_says_why_it_is_deep_enough(browser, story):
    why = ask(story, "The vendor gives no limits")
    address = home(story, f"{why.pk}/")

    refused = browser.post(address, said(why, is_root_cause="on", category="third_party"))
    assert "why #1 of 5" in words(refused)
    browser.post(address, said(why, is_root_cause="on", category="third_party", enough_because="They tell no more."))

    why.refresh_from_db()
    assert (why.is_root_cause, why.category, why.edited_by.name) == (True, "third_party", "Lee Park")
    page = words(browser.get(home(story)))
    assert "Deep enough They tell no more." in page
    assert "0 of 1 root cause addressed." in page
    browser.post(address, said(Why.objects.get(pk=why.pk), is_root_cause="on", accepted_risk="Too rare."))
    assert "1 of 1 root cause addressed." in words(browser.get(home(story)))


def test_of_two_who_edit_the_second_is_told_and_may_send_again(browser, story):
    why = ask(story, "first")
    form = said(why, answer="mine")
    whys.edit(why, Said("theirs"), by=UserFactory(name="Ann Ek"), at=timezone.now())

    refused = browser.post(home(story, f"{why.pk}/"), form)

    assert refused.status_code == 422
    assert "Ann Ek changed this answer meanwhile: “theirs”" in words(refused)
    assert "mine</textarea>" in refused.content.decode()
    assert 'name="version" value="2"' in refused.content.decode()
    assert browser.post(home(story, f"{why.pk}/"), {**form, "version": 2}).status_code == 302
    assert Why.objects.get(pk=why.pk).answer == "mine"


def test_move_and_share_offers_the_tree_and_refuses_a_circle_in_words(browser, story):
    one = ask(story, "one")
    two = ask(story, "two", one)
    address = home(story, f"{one.pk}/parents/")

    offered = browser.get(address).context["form"].fields["parents"].choices
    assert [pk for pk, _ in offered] == [symptom(story).pk, two.pk]
    refused = browser.post(address, {"parents": [two.pk]})
    assert refused.status_code == 422
    assert "run in a circle" in words(refused)

    browser.post(home(story, f"{two.pk}/parents/"), {"parents": [one.pk, symptom(story).pk]})
    assert Causes(story.document).nodes[two.pk].is_shared
    assert browser.get(home(story, f"{symptom(story).pk}/parents/")).status_code == 404


def test_remove_and_bring_back(browser, story):
    one = ask(story, "one")
    ask(story, "two", one)

    browser.post(home(story, f"{one.pk}/remove/"))
    page = words(browser.get(home(story)))
    assert "Depth 0 / 4" in page
    assert "Removed (1)" in page
    answer = browser.post(home(story, f"{one.pk}/restore/"), **HTMX)

    assert "Depth 2 / 4" in words(answer)
    refused = browser.post(home(story, f"{symptom(story).pk}/remove/"), **HTMX)
    assert refused.status_code == 422
    assert "symptom stays" in refused.content.decode()


def test_the_way_back_is_ticked_step_by_step(browser, story):
    one = ask(story, "one")
    page = browser.get(home(story) + "?as=back")
    assert "Because one therefore Card payments failing" in words(page)

    answer = browser.post(home(story, f"{one.pk}/therefore/{symptom(story).pk}/"), {"holds": "1"})

    assert answer["Location"] == f"{home(story)}?as=back"
    assert "holds, says Lee Park" in words(browser.get(home(story) + "?as=back"))
    browser.post(home(story, f"{one.pk}/therefore/{symptom(story).pk}/"), {"holds": "0"})
    assert "holds, says" not in words(browser.get(home(story) + "?as=back"))


def test_evidence_is_chosen_from_the_timeline_or_is_an_address(browser, story):
    one = ask(story, "one")
    address = home(story, f"{one.pk}/evidence/")
    entry = TimelineEntry.objects.filter(incident=story.incident, kind="acknowledged").get()

    assert "14:03 Acknowledged" in browser.get(address).content.decode()
    browser.post(address, {"entry": entry.pk, "label": "taken"})
    browser.post(address, {"url": "https://graphs.example/pool", "label": "the pool"})
    refused = browser.post(address, {"url": "javascript:alert(1)"})

    assert refused.status_code == 422
    page = browser.get(home(story)).content.decode()
    assert f'{story.incident.get_absolute_url()}#e-{entry.seq}"' in page
    assert 'href="https://graphs.example/pool" rel="noopener noreferrer nofollow"' in page
    piece = one.evidence.first()
    browser.post(f"/postmortems/{story.incident.number}/evidence/{piece.pk}/remove/")
    assert one.evidence.count() == 1


def test_what_went_well_and_the_depth(browser, story):
    top = symptom(story)
    page = browser.get(home(story, f"{top.pk}/ask/?kind=strength"))
    assert "what kept it from being worse?" in page.content.decode()
    assert 'name="category"' not in page.content.decode()
    browser.post(home(story, f"{top.pk}/ask/?kind=strength"), {"answer": "The rollback was quick"})
    assert "What went well" in words(browser.get(home(story)))

    browser.post(home(story, "depth/"), {"target_depth": 3})
    assert "Depth 0 / 2" in words(browser.get(home(story)))
    answer = browser.post(home(story, "depth/"), {"target_depth": 11}, **HTMX)
    assert answer.status_code == 422
    assert Postmortem.objects.get().target_depth == 3


def test_r85_nothing_in_an_answer_runs(browser, story):
    one = ask(story, EVIL, question=EVIL)
    why = ask(story, EVIL, one, is_root_cause=True, category="process", enough_because=EVIL, accepted_risk=EVIL)
    whys.add_evidence(why, url="https://x.example/", label=EVIL[:100], by=story.commander, at=timezone.now())

    for look in (
        "",
        "?as=list",
        "?as=back",
        f"{why.pk}/",
        f"{why.pk}/ask/",
        f"{why.pk}/parents/",
        f"{why.pk}/evidence/",
    ):
        page = browser.get(home(story, look)).content.decode()
        assert "<script>alert" not in page, look
        assert "<img" not in page, look
        assert 'href="javascript' not in page, look
    assert "<strong>b</strong>" in browser.get(home(story)).content.decode()


def test_viewers_read_and_a_stranger_sees_nothing_of_a_private_one(signed_in, viewer, begin):
    story = begin()
    story.resolve()
    one = ask(story, "one")
    browser = signed_in(viewer)
    page = browser.get(home(story))
    assert "Ask again" not in words(page)
    deeds = (f"{one.pk}/ask/", f"{one.pk}/remove/", f"{one.pk}/restore/", f"{one.pk}/", "depth/")
    assert {browser.post(home(story, deed), {"answer": "x"}).status_code for deed in deeds} == {403}

    hidden = begin(private=True)
    hidden.resolve()
    browser = signed_in(UserFactory())
    assert browser.get(home(hidden)).status_code == 404
    assert browser.post(home(hidden, f"{symptom(hidden).pk}/ask/"), {"answer": "x"}).status_code == 404
    assert browser.get(home(story, f"{symptom(hidden).pk}/")).status_code == 404


def test_a_published_tree_is_only_read(browser, story):
    one = ask(story, "one")
    Postmortem.objects.update(status=DocumentStatus.PUBLISHED)

    assert "Ask again" not in words(browser.get(home(story)))
    answer = browser.post(home(story, f"{one.pk}/remove/"), follow=True)
    assert "published" in words(answer) + answer.content.decode()
    assert Why.objects.get(pk=one.pk).removed_at is None


@pytest.mark.parametrize("count", [1, 200])
def test_the_workspace_costs_the_same_for_one_why_and_two_hundred(browser, story, django_assert_num_queries, count):
    rows = []
    for number in range(count):
        rows.append(ask(story, f"why {number}", *([rows[number // 4]] if number > 4 else [])))

    with django_assert_num_queries(12):  # session, user, document; 4 of the whys, 2 of the wording, comments, removed
        browser.get(home(story))


def test_the_document_shows_the_tree_to_be_read(browser, story):
    ask(story, "The pool was exhausted")

    page = browser.get(f"/postmortems/{story.incident.number}/")

    assert "Depth 1 / 4" in words(page)
    assert "The pool was exhausted" in words(page)
    assert f'href="{home(story)}"' in page.content.decode()
    assert "Another cause" not in words(page)
