"""The shape of the five whys: no circles, depths, each answer drawn once, the way back complete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postmortems import tree


@st.composite
def graphs(draw):
    """A top and links of later keys to earlier ones: everything can be reached, nothing runs in a circle."""
    size = draw(st.integers(1, 30))
    links = []
    for child in range(1, size):
        links += [
            (child, parent) for parent in sorted(draw(st.sets(st.integers(0, child - 1), min_size=1, max_size=4)))
        ]
    order = draw(st.permutations(range(size)))
    return order[0], [(order[child], order[parent]) for child, parent in links]


@given(graphs())
def test_r73_every_answer_is_one_why_deeper_than_its_deepest_parent(graph):
    top, links = graph

    deep = tree.depths(top, tree.below(links))

    assert deep.keys() == {top, *(key for link in links for key in link)}
    parents = tree.below((parent, child) for child, parent in links)
    assert all(deep[key] == (1 + max(deep[up] for up in parents[key]) if key != top else 0) for key in deep)


@given(graphs())
def test_each_answer_is_drawn_in_full_once_and_every_link_is_drawn(graph):
    top, links = graph
    children = tree.below(links)

    twigs = list(tree.walk(tree.draw(top, children, tree.depths(top, children))))

    full = [twig.key for twig in twigs if twig.full]
    assert sorted(full) == sorted({top, *(key for link in links for key in link)})
    drawn = [(below.key, twig.key) for twig in twigs for below in twig.twigs]
    assert sorted(drawn) == sorted(links)
    assert not [twig for twig in twigs if twig.twigs and not twig.full]


@given(graphs())
def test_reading_backwards_covers_every_link_once_and_ends_at_the_top(graph):
    top, links = graph
    deep = tree.depths(top, tree.below(links))

    steps = tree.backwards(links, deep)

    assert sorted(steps) == sorted(links)
    told = [deep[child] for child, _ in steps]
    assert told == sorted(told, reverse=True)
    assert not steps or steps[-1][1] == top


@given(graphs(), st.data())
def test_a_circle_is_found_wherever_it_closes(graph, data):
    top, links = graph
    deep = tree.depths(top, tree.below(links))
    start = data.draw(st.sampled_from(sorted(deep)))
    end = data.draw(st.sampled_from(sorted(tree.depths(start, tree.below(links)))))

    with pytest.raises(tree.Circle):
        tree.depths(top, tree.below([*links, (start, end)]))


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("Slow queries held every connection.", "Why is it that Slow queries held every connection?"),
        ("No alert watches the pool", "Why is it that no alert watches the pool?"),
        ("The  limit\nis nowhere written!", "Why is it that the limit is nowhere written?"),
        ("NTP drifted", "Why is it that NTP drifted?"),
        ("A **very** slow `a_b * c`", "Why is it that a very slow a_b * c?"),
        ("{0} fell", "Why is it that {0} fell?"),
    ],
)
def test_r74_the_next_question_is_made_from_the_answer(answer, question):
    assert tree.next_question(answer) == question


def test_a_long_answer_is_quoted_in_part():
    question = tree.next_question("word " * 200)

    assert len(question) < 230
    assert question.endswith("word …?")
