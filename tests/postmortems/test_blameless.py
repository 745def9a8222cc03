"""The language check: words that look for a culprit, a question about the system instead, never a refusal."""

import pytest
from django.utils import timezone

from postmortems import actions, editing, publishing, whys
from postmortems.actions import Plan
from postmortems.blameless import Check
from postmortems.causes import Causes
from postmortems.models import Postmortem, Why, WordingRule
from postmortems.whys import Said
from tests.factories import UserFactory
from tests.postmortems.reading import words

pytestmark = pytest.mark.django_db


def found(text):
    return [hit.words for hit in Check().hits(text)]


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("Someone forgot to add an index.", ["forgot"]),
        ("They should  have\nseen it", ["should have"]),
        ("It was HUMAN ERROR, plain careless.", ["HUMAN ERROR", "careless"]),
        ("Carelessness of the team", ["Carelessness"]),
        ("Nobody is to blame", ["to blame"]),
        ("There is no review process for SQL.", []),
        ("The forgotten-password page was slow", ["forgotten"]),
        ("unforgotten scapeblame", []),
        ("", []),
    ],
)
def test_r72_r78_phrases_that_look_for_a_culprit_are_found(text, hits):
    assert found(text) == hits


def test_r72_names_of_people_are_found_whole_and_by_first_name_in_their_own_case():
    UserFactory(name="Bob Ohm")
    UserFactory(name="Al Ek")
    UserFactory(name="Lea+ (ops)")

    assert found("Bob merged it, then Bob Ohm deployed. bobs and Bobby did not.") == ["Bob", "Bob Ohm"]
    assert found("Al Ek looked; Al went; a bob haircut") == ["Al Ek"]
    assert found("(a+)+ Lea+ (ops)") == ["Lea+ (ops)"]


def test_every_hit_has_a_question_about_the_system_that_does_not_ask_who():
    for rule in WordingRule.objects.all():
        said = f" {rule.question.lower()} "
        assert "?" in rule.question
        assert " what " in said or " how " in said
        assert not {" who ", " whose ", " fault "} & {f" {word} " for word in said.split()}


def test_rules_are_data_and_a_star_or_sign_in_them_is_no_pattern():
    WordingRule.objects.all().update(is_active=False)
    assert found("human error") == []
    WordingRule.objects.create(name="own", phrases="blind*\n(.*)+$\n*\n", finding="x", question="What?")

    assert found("blindly, (.*)+$ and all else") == ["blindly", "(.*)+$"]


def test_the_check_costs_two_queries_whatever_it_reads(django_assert_num_queries):
    with django_assert_num_queries(2):  # rules, names
        check = Check()
        assert check.count(["forgot"] * 300) == 300


def test_i47_a_name_is_hinted_at_saving_goes_through_and_publishing_counts_the_hints(story, signed_in):
    UserFactory(name="Bob Ohm")
    lee, at = UserFactory(name="Lee Park"), timezone.now()
    browser = signed_in(lee)
    top = Why.objects.get(postmortem=story.document)
    home = f"/postmortems/{story.incident.number}/"

    saved = browser.post(f"{home}whys/{top.pk}/ask/", {"answer": "Bob forgot the index"})

    assert saved.status_code == 302
    page = words(browser.get(f"{home}whys/"))
    assert "This names a person. “Bob”. What in the system made that possible, or invisible?" in page
    assert "This asks memory to be a safeguard. “forgot”." in page
    assert "Use as the next why" in page
    editing.save_section(story.section("lessons"), text="We were careless.", base_version=1, by=lee, at=at)
    assert "This judges a person. “careless”." in words(browser.get(home))
    assert "3 wording hints are open. You may publish all the same." in words(browser.get(f"{home}publish/"))

    for section in story.document.sections.filter(text=""):
        editing.save_section(section, text="x", base_version=section.version, by=lee, at=at)
    root = Said("No review", is_root_cause=True, category="process", enough_because="Ours.")
    under = [Why.objects.latest("pk").pk]
    cause = whys.ask(story.document, root, under=under, by=lee, at=at)
    actions.add(story.incident, Plan("Review SQL", lee, root_causes=(cause.pk,)), by=lee, at=at)
    publishing.publish(story.document, by=lee, at=at)

    assert Postmortem.objects.get().open_hints == 3


def test_names_in_the_timeline_are_facts(story):
    text = f"**14:03** Acknowledged {story.commander}"
    sections = [story.section(key) for key in ("summary", "timeline", "impact")]
    for section in sections:
        section.text = text

    assert publishing.hints_of(sections, Check()) == []
    assert Causes(story.document).nodes
