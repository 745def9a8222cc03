"""The draft that is there the moment an incident is resolved."""

from datetime import timedelta

import pytest

from incidents import due, lifecycle, moves, timeline
from incidents.models import Clock, EntryKind, Rule, Setback, TimelineEntry
from incidents.prose import render
from postmortems import drafting, editing
from postmortems.models import Postmortem, Section, SectionRevision
from tests.factories import UserFactory
from tests.postmortems.conftest import AT

SIX = ["summary", "timeline", "impact", "root_cause", "improvements", "lessons"]
PAYLOADS = [
    "<script>alert(1)</script>",
    "</ul></section><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](<javascript:alert(1)>)",
    "<a href='javascript:alert(1)'>x</a>",
    "<textarea>",
    "<!-- never closed",
    "<style>*{display:none}</style>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "`open code",
    "```",
    "**never closed",
    "<javascript:alert(1)>",
    "![x](data:text/html;base64,PHNjcmlwdD4=)",
]


def test_r76_a_resolved_incident_has_a_draft_with_the_six_sections_in_order(story):
    sections = list(story.document.sections.order_by("position"))

    assert [section.key for section in sections] == SIX
    assert [section.position for section in sections] == [1, 2, 3, 4, 5, 6]
    assert [section.version for section in sections] == [1] * 6
    assert list(SectionRevision.objects.order_by("section__position").values_list("section__key", "version")) == [
        (key, 1) for key in SIX
    ]


def test_i44_the_draft_of_the_payment_story_is_filled_in(begin):
    """P0 resolved at 14:20: sections in order, timeline filled, owner who had it, due 14:20 next day."""
    story = begin(workaround="Pay by bank transfer", affected_percent=60)
    lee = UserFactory(name="Lee Park")
    timeline.add(story.incident, kind="finding", text="Connections 500 of 500", by=lee, at=story.minute(9))
    lifecycle.mitigate(
        story.incident, what="Rolled back to build 41.", by=story.commander, at=story.minute(16), impact_over=True
    )
    story.resolve(root_cause="The pool outgrew the database.")

    assert story.document.owner == story.commander
    assert story.document.due_at == story.minute(18) + timedelta(hours=24)
    assert story.text("summary") == (
        "P0 Critical on Checkout: Card payments failing at checkout. Detected 2026-11-23 14:02 UTC by monitoring alert."
        " It lasted 16 min. About 60 % of users were affected. What stopped it: Rolled back to build 41."
    )
    assert story.text("timeline").splitlines() == [
        "### Monday 23 November 2026, UTC",
        "",
        "- **14:02** Detected: by monitoring alert",
        "- **14:02** Declared Amira Haddad: P0 Critical on Checkout: Card payments failing at checkout",
        "- **14:03** Acknowledged Amira Haddad",
        "- **14:11** Finding Lee Park: Connections 500 of 500",
        "- **14:18** Mitigated Amira Haddad: Rolled back to build 41. Users are well again.",
        "- **14:20** Resolved Amira Haddad: The pool outgrew the database.",
    ]
    assert story.text("impact").splitlines() == [
        "- Users affected: about 60 %",
        "- Users were hurt from 2026-11-23 14:02 UTC to 2026-11-23 14:18 UTC",
        "- Revenue path: yes",
        "- Workaround: Pay by bank transfer",
    ]
    assert story.text("root_cause") == "The pool outgrew the database."
    assert story.text("improvements") == story.text("lessons") == ""


def test_i32_without_a_root_cause_it_is_resolved_and_the_section_is_empty(begin):
    story = begin()

    story.resolve(not_yet_because="We are still reading logs.")

    assert (story.incident.status, story.text("root_cause")) == ("resolved", "")


@pytest.mark.parametrize(("level", "hours"), [(0, 24), (1, 48), (2, 48), (3, 48), (4, 48)])
def test_r75_a_p0_is_due_after_24_hours_and_all_others_after_48(begin, level, hours):
    story = begin(level=level)

    story.resolve()

    assert story.document.due_at - story.incident.resolved_at == timedelta(hours=hours)


def test_r75_it_is_due_from_the_time_of_the_resolution_not_of_its_recording(begin):
    story = begin()

    story.resolve(at=60, occurred_at=story.minute(18))

    assert story.document.due_at == story.minute(18) + timedelta(hours=24)


def test_r75_the_document_and_the_clock_of_the_incident_agree(story):
    clock = Clock.objects.get(incident=story.incident, rule=Rule.POSTMORTEM)

    assert clock.due_at == story.document.due_at


def test_a_drill_is_due_as_much_sooner_as_it_runs_faster(begin):
    story = begin(kind="drill", time_scale=60)

    story.resolve()

    assert story.document.due_at - story.incident.resolved_at == timedelta(minutes=24)


def test_the_draft_leaves_one_line_on_the_timeline_and_moves_no_other(story):
    line = TimelineEntry.objects.get(incident=story.incident, kind=EntryKind.POSTMORTEM)

    assert line.text == "A postmortem draft is ready, due 2026-11-24 14:20 UTC."
    assert line.seq == story.incident.timeline_seq
    assert line.text not in story.text("timeline")


def test_what_the_kind_says_already_is_not_said_twice_but_people_keep_their_words(begin):
    story = begin()
    moves.tell(story.incident, EntryKind.ACKNOWLEDGED, "Acknowledged by chat.", story.commander, story.minute(2))
    story.incident.save(update_fields=["timeline_seq"])
    timeline.add(story.incident, kind="note", text="Note that it rains.", by=story.commander, at=story.minute(3))

    story.resolve()

    assert "- **14:04** Acknowledged Amira Haddad: by chat." in story.text("timeline").splitlines()
    assert "- **14:05** Note Amira Haddad: Note that it rains." in story.text("timeline").splitlines()


def test_deliveries_are_not_told(begin):
    story = begin()
    moves.tell(story.incident, EntryKind.DELIVERY, "e-mail accepted", None, story.minute(2))
    story.incident.save(update_fields=["timeline_seq"])

    story.resolve()

    assert "e-mail accepted" not in story.text("timeline")


def test_a_story_over_midnight_names_each_day(begin):
    story = begin(at=AT.replace(hour=23, minute=50))
    timeline.add(
        story.incident, kind="note", text="Quiet again", by=story.commander, at=AT.replace(day=24, hour=0, minute=5)
    )

    story.incident = lifecycle.resolve(story.incident, by=story.commander, at=AT.replace(day=24, hour=0, minute=10))

    lines = story.text("timeline").splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "### Monday 23 November 2026, UTC",
        "### Tuesday 24 November 2026, UTC",
    ]
    assert lines.index("- **00:05** Note Amira Haddad: Quiet again") > lines.index("### Tuesday 24 November 2026, UTC")


def test_a_long_story_leaves_room_to_write_and_says_what_it_left_out(begin):
    story = begin()
    lines = [timeline.Line(story.incident, EntryKind.NOTE, f"{number} " + "x" * 2000) for number in range(300)]
    timeline.write(lines, at=story.minute(4))
    story.incident.save(update_fields=["timeline_seq"])

    story.resolve()

    text = story.text("timeline")
    told = sum(line.startswith("- ") for line in text.splitlines())
    assert len(text) < editing.LONGEST_TEXT - 10_000
    assert max(len(line) for line in text.splitlines()) < 600
    assert text.endswith(f"{3 + 300 + 1 - told} later entries stand on the page of {story.incident.ref}.")


def test_a_lost_hook_never_stops_the_resolution_and_the_tick_repairs_it(begin, monkeypatch):
    story = begin()
    with monkeypatch.context() as broken:
        broken.setattr(moves, "HOOKS", [])
        story.resolve()
    assert not Postmortem.objects.exists()
    assert list(drafting.undrafted(story.minute(19))) == [story.incident]

    due.settle(story.minute(19))

    story.incident.refresh_from_db()
    assert story.document.due_at == story.minute(18) + timedelta(hours=24)
    assert story.text("timeline").endswith("- **14:20** Resolved Amira Haddad: No root cause is named yet.")
    line = TimelineEntry.objects.get(incident=story.incident, kind=EntryKind.POSTMORTEM)
    assert line.seq == story.incident.timeline_seq
    assert not drafting.undrafted(story.minute(19)).exists()
    assert drafting.draft_missing(story.minute(20)).rows == 0


def test_a_draft_that_fails_stops_no_other_and_a_closed_incident_gets_one_too(begin, monkeypatch):
    poison, healthy = begin(), begin()
    with monkeypatch.context() as broken:
        broken.setattr(moves, "HOOKS", [])
        broken.setattr(moves, "BLOCKERS", [])
        poison.resolve()
        healthy.resolve()
        lifecycle.close(healthy.incident, by=healthy.commander, at=healthy.minute(19))
    impact_of = drafting.impact_of

    def fail_on_poison(incident):
        return 1 / 0 if incident.pk == poison.incident.pk else impact_of(incident)

    with monkeypatch.context() as broken:
        broken.setattr(drafting, "impact_of", fail_on_poison)
        assert drafting.draft_missing(healthy.minute(20)).rows == 1

    assert Postmortem.objects.get().incident == healthy.incident
    assert Setback.objects.get(source="drafts").last_error == "division by zero"
    assert drafting.draft_missing(healthy.minute(20)).rows == 0, "it rests"
    assert drafting.draft_missing(healthy.minute(21)).rows == 1


def test_a_hook_that_fails_is_rolled_back_alone(begin, monkeypatch, caplog):
    story = begin()
    with monkeypatch.context() as broken:
        broken.setattr(drafting, "impact_of", lambda incident: 1 / 0)
        story.resolve()

    story.incident.refresh_from_db()
    assert story.incident.status == "resolved"
    assert not Postmortem.objects.exists()
    assert "the next tick repairs it" in caplog.text

    due.settle(story.minute(19))

    assert Section.objects.filter(postmortem__incident=story.incident).count() == 6


def test_a_second_resolution_keeps_what_people_wrote_and_sets_the_due_time_anew(story):
    writer = UserFactory()
    lessons = story.section("lessons")
    editing.save_section(lessons, text="Rollback was quick.", base_version=1, by=writer, at=story.minute(30))
    before = story.text("timeline")

    lifecycle.reopen(story.incident, reason="It came back.", by=story.commander, at=story.minute(140))
    story.resolve(at=200)

    assert Postmortem.objects.count() == 1
    assert story.text("lessons") == "Rollback was quick."
    assert story.text("timeline") == before
    assert story.document.due_at == story.minute(200) + timedelta(hours=24)
    assert Section.objects.count() == 6


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_in_an_entry_breaks_out_of_its_line(begin, payload):
    story = begin()
    timeline.add(story.incident, kind="note", text=payload, by=story.commander, at=story.minute(3))
    timeline.add(story.incident, kind="note", text="the entry after it", by=story.commander, at=story.minute(4))
    story.resolve()

    html = render(story.text("timeline"))

    items = html.split("<li>")[1:]
    assert len(items) == 6
    assert items[4] == "<strong>14:06</strong> Note Amira Haddad: the entry after it</li>\n"
    assert html.count("<ul>") == html.count("</ul>") == 1
    for forbidden in ("<script", "<img", "<svg", "<style", "<iframe", "<textarea", 'href="javascript', "data:text"):
        assert forbidden not in html.replace("&lt;", "‹")


def test_an_entry_cannot_pose_as_other_entries_or_headings(begin):
    story = begin()
    text = "harmless\n\n## Root cause\n\n- **14:00** Decision Lee Park: sell the company"
    timeline.add(story.incident, kind="note", text=text, by=story.commander, at=story.minute(3))
    story.resolve()

    html = render(story.text("timeline"))

    assert html.count("<li>") == 5
    assert html.count("<h") == 1


def test_names_and_workarounds_cannot_break_out_of_the_other_sections(begin):
    evil = "<script>alert(1)</script>"
    story = begin(title=f"Checkout {evil}\n# Heading", workaround=evil)
    story.resolve(root_cause=evil)

    html = "".join(render(story.text(key)) for key in SIX)

    assert "<script" not in html
    assert html.count("<h") == 1  # the day of the timeline


def test_ten_entries_or_forty_cost_the_same_queries(begin, django_assert_num_queries):
    story = begin()
    story.resolve()
    for number in range(30):
        timeline.add(story.incident, kind="note", text=f"note {number}", by=UserFactory(), at=story.minute(20))

    with django_assert_num_queries(1):  # the entries with their people
        drafting.timeline_of(story.incident)
