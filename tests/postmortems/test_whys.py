"""Asking why: branches, shared causes, root causes, the way back; circles and other nonsense are refused in words."""

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.models import TimelineEntry
from incidents.refusals import Invalid, StaleVersion, TransitionError
from postmortems import whys
from postmortems.causes import Causes
from postmortems.models import Category, DocumentStatus, Postmortem, Why, WhyLink
from postmortems.whys import Said
from tests.factories import UserFactory

CHAIN = (
    "The pool of the database was exhausted",
    "Slow queries held each connection for seconds",
    "The queries read whole tables: an index is missing",
    "No database review took place when the tables went live",
)
ROOT = Said("No review of SQL is required anywhere", category="process", is_root_cause=True)


@pytest.fixture
def at(story):
    return story.minute(60)


@pytest.fixture
def ask(story, at):
    """``ask("answer", parent, …)`` adds an answer below the parents."""

    def ask(answer, *parents, **said):
        said = answer if isinstance(answer, Said) else Said(answer, **said)
        return whys.ask(story.document, said, under=[why.pk for why in parents], by=story.commander, at=at)

    return ask


@pytest.fixture
def edit(story, at):
    def edit(why, under=None, **changes):
        why.refresh_from_db()
        said = Said(**{**vars(whys.said_of(why)), **changes})
        under = None if under is None else [parent.pk for parent in under]
        return whys.edit(why, said, under=under, by=story.commander, at=at)

    return edit


@pytest.fixture
def chain(ask):
    """Four whys in a row."""
    rows = []
    for answer in CHAIN:
        rows.append(ask(answer, *rows[-1:]))
    return rows


def causes(story):
    return Causes(story.document)


def answers(nodes):
    return [node.why.answer for node in nodes]


def test_r73_the_tree_begins_with_the_symptom_at_depth_0(story):
    tree = causes(story)

    assert (
        tree.symptom.why.answer == "Card payments failing at checkout: about 100 % of users were affected for 18 min."
    )
    assert (tree.symptom.depth, tree.counted, tree.before_root) == (0, 0, 4)
    assert answers(tree.rows) == [tree.symptom.why.answer]


def test_r74_i45_four_whys_then_the_root_cause_and_the_same_as_five_rows(story, chain, ask):
    assert [causes(story).depths[why.pk] for why in chain] == [1, 2, 3, 4]
    assert (causes(story).counted, causes(story).before_root) == (4, 4)

    root = ask(ROOT, chain[-1])

    tree = causes(story)
    assert (tree.depths[root.pk], tree.counted) == (5, 4)
    assert [(node.why.question, node.why.answer) for node in tree.rows[1:]] == [
        ("Why is it that Card payments failing at checkout: about 100 % of users were affected for 18 min?", CHAIN[0]),
        ("Why is it that the pool of the database was exhausted?", CHAIN[1]),
        ("Why is it that Slow queries held each connection for seconds?", CHAIN[2]),
        ("Why is it that the queries read whole tables: an index is missing?", CHAIN[3]),
        ("Why is it that no database review took place when the tables went live?", ROOT.answer),
    ]


def test_i46_an_answer_with_two_causes_leads_to_two_leaves(story, ask):
    top = ask("The pool was exhausted")
    one, other = ask("Slow queries", top), ask("No alert on the pool", top)

    assert answers(causes(story).loose) == ["Slow queries", "No alert on the pool"]
    ask("A missing index", one)
    assert answers(causes(story).loose) == ["A missing index", "No alert on the pool"]
    assert [node.parents for node in causes(story).rows[-1:]] == [[top]]
    assert other.question == one.question


def test_a_shared_cause_stands_once_and_points_from_its_other_place(story, ask):
    one, other = ask("Slow queries"), ask("No alert")
    shared = ask("Nobody owns the database", one, other)

    tree = causes(story)

    node = tree.nodes[shared.pk]
    assert node.is_shared
    assert node.parents == [one, other]
    places = [(below.node.why, below.full) for branch in tree.drawn.branches for below in branch.branches]
    assert sorted(full for why, full in places if why == shared) == [False, True]
    assert answers(tree.rows).count("Nobody owns the database") == 1


def test_a_circle_is_refused_in_words_wherever_it_would_close(story, chain, edit):
    for why in chain[1:]:
        with pytest.raises(Invalid, match="run in a circle") as refused:
            edit(chain[0], under=[why])
        assert refused.value.field == "parents"
    with pytest.raises(Invalid, match="cannot be its own cause"):
        edit(chain[0], under=[chain[0]])
    assert causes(story).depths[chain[-1].pk] == 4


def test_a_circle_through_a_removed_answer_is_refused_too(story, ask, edit, at):
    one = ask("one")
    two = ask("two", one)
    three = ask("three", two)
    edit(three, under=[two, causes(story).symptom.why])
    whys.remove(two, by=story.commander, at=at)

    with pytest.raises(Invalid, match="run in a circle"):
        edit(one, under=[three])

    whys.restore(two, by=story.commander, at=at)
    assert causes(story).depths[three.pk] == 3


def test_an_answer_moves_with_what_is_below_it(story, chain, ask, edit):
    other = ask("Another branch")

    edit(chain[2], under=[other])

    assert causes(story).depths[chain[3].pk] == 3
    assert answers(causes(story).loose) == [CHAIN[1], CHAIN[3]]


def test_moving_below_the_limit_of_ten_is_refused(story, chain, ask, edit):
    deep = chain[-1]
    for number in range(5, 11):
        deep = ask(f"why {number}", deep)
    with pytest.raises(Invalid, match="10 whys deep is the limit"):
        ask("one more", deep)

    branch = ask("branch")
    leaf = ask("leaf", branch)
    with pytest.raises(Invalid, match="more than 10 whys deep"):
        edit(branch, under=[deep])
    assert causes(story).depths[leaf.pk] == 2


def test_remove_hides_what_follows_from_it_alone_and_restore_brings_it_back(story, chain, at):
    removed = whys.remove(chain[1], by=story.commander, at=at)

    assert answers(causes(story).rows)[1:] == [CHAIN[0]]
    with pytest.raises(TransitionError, match="was removed"):
        whys.remove(chain[2], by=story.commander, at=at)

    whys.restore(removed, by=story.commander, at=at)
    assert answers(causes(story).rows)[1:] == list(CHAIN)


def test_the_symptom_stays(story, at, edit):
    symptom = causes(story).symptom.why
    with pytest.raises(TransitionError, match="symptom stays"):
        whys.remove(symptom, by=story.commander, at=at)
    with pytest.raises(Invalid, match="Only an answer to a why"):
        edit(symptom, is_root_cause=True, category="process", enough_because="x")

    assert edit(symptom, answer="Payments fell to 12 % for 18 minutes.").version == 2


# Root causes


def test_r78_a_root_cause_has_a_systemic_category_and_never_human_error(story, chain, ask):
    with pytest.raises(Invalid, match="never a person") as refused:
        ask(Said("Somebody forgot", is_root_cause=True), chain[-1])
    assert refused.value.field == "category"
    with pytest.raises(Invalid, match="Choose one of: process, tooling"):
        ask(Said("Somebody forgot", is_root_cause=True, category="human_error"), chain[-1])

    assert {value for value in Category.values if "human" in value or "person" in value} == set()
    with pytest.raises(IntegrityError), transaction.atomic():
        Why.objects.filter(pk=chain[0].pk).update(is_root_cause=True)


def test_c11_stopping_before_the_target_depth_asks_why_it_is_deep_enough(story, ask):
    with pytest.raises(Invalid, match="why #1 of 5") as refused:
        ask(ROOT)
    assert refused.value.field == "enough_because"

    root = ask(Said(**{**vars(ROOT), "enough_because": "The vendor tells no more."}))
    assert root.is_root_cause
    assert answers(causes(story).roots) == [ROOT.answer]


@pytest.mark.parametrize(("depth", "fits"), [(2, False), (3, True), (10, True), (11, False)])
def test_c11_the_target_depth_is_3_to_10(story, depth, fits):
    if not fits:
        with pytest.raises(Invalid, match="3 to 10"):
            whys.set_target_depth(story.document, depth)
        return
    whys.set_target_depth(story.document, depth)
    assert Causes(Postmortem.objects.get()).before_root == depth - 1


def test_what_went_well_is_a_branch_that_is_asked_no_further(story, at, ask):
    well = whys.ask(
        story.document,
        Said("The rollback took two minutes"),
        kind="strength",
        by=story.commander,
        at=at,
    )

    assert "went well" in well.question
    assert causes(story).loose == []
    assert causes(story).deepest == 0
    assert causes(story).backwards == []
    with pytest.raises(Invalid, match="not asked for causes"):
        ask("why", well)


# The way back


def test_the_way_back_is_ticked_link_by_link_and_a_new_answer_unticks_it(story, chain, at, edit):
    whys.tick(chain[1], chain[0], holds=True, by=story.commander, at=at)
    whys.tick(chain[2], chain[1], holds=True, by=story.commander, at=at)
    whys.tick(chain[3], chain[2], holds=True, by=story.commander, at=at)

    read = [(step.child.why, step.parent.why, step.link.holds_at is not None) for step in causes(story).backwards]
    assert read == [
        (chain[3], chain[2], True),
        (chain[2], chain[1], True),
        (chain[1], chain[0], True),
        (chain[0], causes(story).symptom.why, False),
    ]

    edit(chain[1], answer="Something else held them")
    assert [step.link.holds_at is not None for step in causes(story).backwards] == [True, False, False, False]
    with pytest.raises(Invalid, match="does not stand below"):
        whys.tick(chain[3], chain[0], holds=True, by=story.commander, at=at)


# Evidence


def test_evidence_is_an_entry_of_the_timeline_or_an_address(story, chain, at, begin):
    entry = TimelineEntry.objects.filter(incident=story.incident).first()
    for _ in range(2):  # said twice, it is one piece
        whys.add_evidence(chain[0], entry=entry, by=story.commander, at=at)
    whys.add_evidence(chain[0], url="https://graphs.example/pool", label="the pool", by=story.commander, at=at)

    pieces = causes(story).nodes[chain[0].pk].evidence
    assert [(piece.entry, piece.url, piece.label) for piece in pieces] == [
        (entry, "", ""),
        (None, "https://graphs.example/pool", "the pool"),
    ]
    whys.remove_evidence(pieces[0])
    assert len(causes(story).nodes[chain[0].pk].evidence) == 1

    foreign = TimelineEntry.objects.filter(incident=begin().incident).first()
    for said, words in (
        ({}, "Choose an entry"),
        ({"entry": foreign}, "another incident"),
        ({"url": "javascript:alert(1)"}, "no web address"),
        ({"url": "ftp://x.example/"}, "no web address"),
    ):
        with pytest.raises(Invalid, match=words):
            whys.add_evidence(chain[0], by=story.commander, at=at, **said)


# What cannot be


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"answer": "  "}, "answer"),
        ({"answer": "x" * 2001}, "answer"),
        ({"answer": "x", "question": "y" * 501}, "question"),
        ({"answer": "x", "confidence": "sure"}, "confidence"),
        ({"answer": "x", "joined": "xor"}, "joined"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_on_its_field(ask, said, field):
    with pytest.raises(Invalid) as refused:
        ask(Said(**said))

    assert refused.value.field == field
    assert Why.objects.count() == 1


def test_parents_of_another_tree_are_refused(story, begin, ask):
    other = begin()
    other.resolve()
    with pytest.raises(Invalid, match="not in this tree"):
        ask("x", Causes(other.document).symptom.why)


def test_of_two_who_change_an_answer_the_second_hears_of_the_first(story, chain, at):
    whys.edit(chain[0], Said("theirs"), by=UserFactory(name="Ann Ek"), at=at, version=1)

    with pytest.raises(StaleVersion, match="Ann Ek changed this answer meanwhile: “theirs”"):
        whys.edit(chain[0], Said("mine"), by=story.commander, at=at, version=1)


def test_a_published_tree_stays_as_it_is(story, chain, ask, edit, at):
    Postmortem.objects.update(status=DocumentStatus.PUBLISHED)
    for deed in (
        lambda: ask("x"),
        lambda: edit(chain[0], answer="x"),
        lambda: whys.remove(chain[0], by=story.commander, at=at),
        lambda: whys.tick(chain[1], chain[0], holds=True, by=story.commander, at=at),
        lambda: whys.add_evidence(chain[0], url="https://x.example/", by=story.commander, at=at),
        lambda: whys.set_target_depth(story.document, 7),
    ):
        with pytest.raises(TransitionError, match="published"):
            deed()


def test_the_tree_is_full_at_300(story, ask, monkeypatch):
    monkeypatch.setattr(whys, "MOST", 3)
    ask("one")
    ask("two")
    with pytest.raises(TransitionError, match="3 answers are the limit"):
        ask("three")


def test_every_change_is_kept(story, chain, edit):
    edit(chain[0], answer="Said better")

    kept = chain[0].events.order_by("pgh_id").values_list("answer", flat=True)
    assert list(kept) == [CHAIN[0], "Said better"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["ask", "move", "remove", "restore"]), st.integers(0), st.integers(0)), max_size=14
    )
)
def test_whatever_people_do_the_tree_has_no_circle_and_the_way_back_covers_it(story, steps):
    at, by = story.minute(60), story.commander
    point = transaction.savepoint()
    for deed, first, second in steps:
        rows = list(Why.objects.filter(postmortem=story.document).order_by("pk"))
        one, other = rows[first % len(rows)], rows[second % len(rows)]
        try:
            if deed == "ask":
                whys.ask(story.document, Said(f"{first}"), under={one.pk, other.pk}, by=by, at=at)
            elif deed == "move":
                whys.edit(one, whys.said_of(one), under={other.pk}, by=by, at=at)
            elif deed == "remove":
                whys.remove(one, by=by, at=at)
            else:
                whys.restore(one, by=by, at=at)
        except (Invalid, TransitionError):
            pass
        tree = Causes(story.document)
        assert max(tree.depths.values()) <= 10
        links = WhyLink.objects.filter(child__in=tree.depths, parent__in=tree.depths).values_list("child", "parent")
        assert sorted((step.child.why.pk, step.parent.why.pk) for step in tree.backwards) == sorted(links)
        whys.Graph(story.document)
    transaction.savepoint_rollback(point)


def test_two_hundred_whys_are_read_in_four_queries(story, ask, django_assert_num_queries):
    rows = []
    for number in range(200):
        rows.append(ask(f"why {number}", *([rows[number // 4]] if number > 4 else [])))

    with django_assert_num_queries(4):  # answers, links, evidence, actions
        tree = causes(story)
        assert len(tree.rows) == 201
        assert len(tree.backwards) == 200
