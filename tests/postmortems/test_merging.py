"""Bringing two texts together: what one changed is taken, what both changed is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postmortems.merging import Pick, compose, conflicts, merge

TEXTS = st.lists(st.sampled_from("abcd"), max_size=12).map("\n".join)


def test_what_each_changed_at_another_place_is_taken_from_both():
    hunks = merge("one\ntwo\nthree", "ONE\ntwo\nthree", "one\ntwo\nthree\nfour")

    assert conflicts(hunks) == []
    assert compose(hunks) == "ONE\ntwo\nthree\nfour"


def test_what_both_changed_alike_is_taken_once():
    hunks = merge("one\ntwo", "one\n2", "one\n2")

    assert compose(hunks) == "one\n2"


def test_what_both_changed_each_in_another_way_is_for_a_person_to_decide():
    hunks = merge("one\ntwo\nthree", "one\nmine\nthree", "one\ntheirs\nthree")

    [conflict] = conflicts(hunks)
    assert (conflict.base, conflict.mine, conflict.theirs) == (("two",), ("mine",), ("theirs",))
    with pytest.raises(KeyError):
        compose(hunks)
    texts = [compose(hunks, {0: pick}).split("\n")[1:-1] for pick in Pick]
    assert texts == [["mine"], ["theirs"], ["theirs", "mine"], ["two"]]


def test_lines_added_at_one_place_by_both_are_for_a_person_to_decide():
    hunks = merge("", "mine", "theirs")

    assert len(conflicts(hunks)) == 1


def test_what_was_removed_by_one_is_removed_and_an_emptied_text_merges_too():
    assert compose(merge("one\ntwo", "one", "one\ntwo")) == "one"
    assert compose(merge("one\ntwo", "", "one\ntwo")) == ""
    assert compose(merge("one", "one", "")) == ""


def test_texts_of_too_many_lines_are_not_divided_and_a_change_within_a_long_one_is():
    long = "\n".join(["again"] * 40_000)

    assert len(merge(long, "x\n" * 3_000, long)) == 1
    assert compose(merge(long, f"first\n{long}", f"{long}\nlast")) == f"first\n{long}\nlast"


@given(TEXTS, TEXTS, TEXTS)
def test_the_hunks_hold_each_of_the_three_texts_whole(base, mine, theirs):
    hunks = merge(base, mine, theirs)

    for name, text in (("base", base), ("mine", mine), ("theirs", theirs)):
        assert [line for hunk in hunks for line in getattr(hunk, name)] == (text.split("\n") if text else [])


@given(TEXTS, TEXTS)
def test_against_an_unchanged_text_the_other_one_wins_whole(base, changed):
    assert compose(merge(base, changed, base)) == changed
    assert compose(merge(base, base, changed)) == changed
    assert compose(merge(base, changed, changed)) == changed


@given(TEXTS, TEXTS, TEXTS)
def test_nothing_that_either_wrote_anew_is_lost_when_both_are_picked(base, mine, theirs):
    hunks = merge(base, mine, theirs)

    merged = compose(hunks, dict.fromkeys(range(len(conflicts(hunks))), Pick.BOTH)).split("\n")

    for text in (mine, theirs):
        assert set(text.split("\n")) - set(base.split("\n")) - {""} <= set(merged)


@given(TEXTS, TEXTS, TEXTS)
def test_it_does_not_matter_who_comes_first(base, mine, theirs):
    one, two = merge(base, mine, theirs), merge(base, theirs, mine)

    assert len(conflicts(one)) == len(conflicts(two))
    if not conflicts(one):
        assert compose(one) == compose(two)
