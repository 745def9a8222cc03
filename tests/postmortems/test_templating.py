"""Templates: the most specific wins, a revision leaves documents under way alone, prompts ask what and how."""

from copy import deepcopy

import pytest

from incidents.refusals import Invalid
from postmortems import publishing, templating
from postmortems.causes import Causes
from postmortems.models import Postmortem, Template, TemplateVersion
from tests.postmortems.reading import address, words


def make(name, question, *, severity=None, kind="", at, **changes):
    template = Template.objects.create(name=name, severity_id=severity, kind=kind)
    sections = deepcopy(templating.built_in())
    sections["lessons"] |= {"question": question, **changes}
    return templating.revise(template, sections, by=None, at=at)


def question_of(story):
    document = Postmortem.objects.select_related("template_version").get(incident=story.incident)
    return templating.prompt_of(document, "lessons").question


def test_r76_without_a_template_the_built_in_questions_are_asked_in_order(story):
    assert list(templating.built_in()) == ["summary", "timeline", "impact", "root_cause", "improvements", "lessons"]
    assert question_of(story).startswith("What went well")


def test_the_most_specific_template_wins_the_level_before_the_kind(begin):
    at = begin(level=3).minute(0)
    make("all", "For all?", at=at)
    make("drills", "For drills?", kind="drill", at=at)
    make("p0", "For P0?", severity=0, at=at)
    make("p0 drills", "For drills of P0?", severity=0, kind="drill", at=at)
    make("p1 drills", "For drills of P1?", severity=1, kind="drill", at=at)

    asked = []
    for level, kind in ((0, "real"), (0, "drill"), (1, "real"), (1, "drill"), (2, "drill")):
        story = begin(level=level, kind=kind)
        story.resolve()
        asked.append(question_of(story))
    assert asked == ["For P0?", "For drills of P0?", "For all?", "For drills of P1?", "For drills?"]


def test_a_template_changed_while_documents_use_it_leaves_them_alone(begin, signed_in, viewer):
    story = begin()
    version = make("all", "The first question?", start="Begin **here**.", at=story.minute(0))
    story.resolve()
    sections = deepcopy(version.sections)
    sections["lessons"]["question"] = "The second question?"

    templating.revise(version.template, sections, by=None, at=story.minute(30))

    assert question_of(story) == "The first question?"
    assert "<strong>here</strong>" in signed_in(viewer).get(address(story)).content.decode()
    later = begin()
    later.resolve()
    assert question_of(later) == "The second question?"
    assert "The second question?" in words(signed_in(viewer).get(address(later)))


def test_a_revision_that_changes_nothing_is_none(begin):
    version = make("all", "What?", at=begin().minute(0))
    assert templating.revise(version.template, deepcopy(version.sections), by=None, at=version.made_at) == version
    assert TemplateVersion.objects.count() == 1


@pytest.mark.parametrize("question", ["Who did it?", "What happened, and WHOSE change was it?", "  "])
def test_r72_a_prompt_never_asks_who(begin, question):
    with pytest.raises(Invalid) as refused:
        make("all", question, at=begin().minute(0))
    assert refused.value.field == "lessons"


def test_a_section_that_is_not_required_does_not_hold_up_publishing(begin):
    story = begin(level=3)
    make("all", "What?", required=False, at=story.minute(0))
    story.resolve()
    document = Postmortem.objects.select_related("incident__severity", "template_version").get()

    said = [one.words for one in publishing.missing_of(document, Causes(document))]

    assert not [one for one in said if one.startswith("Lessons")]
    assert [one for one in said if one.startswith("Improvements")]
