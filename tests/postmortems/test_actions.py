"""Action items: one owner, a day, the causes they take away, a proof at the end, reminders in between."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from incidents import due, grading, lifecycle
from incidents.models import Membership, Notice, Severity
from incidents.refusals import Invalid, StaleVersion
from oncall.models import Page
from postmortems import actions, reminding, whys
from postmortems.actions import Ending, Plan
from postmortems.causes import Causes
from postmortems.models import ActionDeadline, ActionItem
from postmortems.whys import Said
from tests.factories import AdministratorFactory, ServiceFactory, UserFactory

DONE = Ending("done", verified_how="The alarm came in the rehearsal.")


@pytest.fixture
def lee(db):
    return UserFactory(name="Lee Park", time_zone="Africa/Cairo")


@pytest.fixture
def at(story):
    return story.minute(60)


@pytest.fixture
def add(story, lee, at):
    def add(title="Alert on the pool", **plan):
        return actions.add(story.incident, Plan(title, **{"owner": lee, **plan}), by=story.commander, at=at)

    return add


@pytest.fixture
def root(story, at):
    said = Said("No review of SQL", is_root_cause=True, category="process", enough_because="It is ours.")
    return whys.ask(story.document, said, by=story.commander, at=at)


def change(item, at, by, ending=None, **plan):
    item.refresh_from_db()
    return actions.edit(item, replace(actions.plan_of(item), **plan), ending or actions.ending_of(item), by=by, at=at)


def test_r77_an_action_item_has_an_owner_a_day_a_kind_and_a_term(add, lee):
    item = add(kind="detect", term="short", due_date=date(2026, 12, 1), detail="**80 %**")

    assert (item.owner, item.due_date, item.kind, item.term, item.status, item.detail) == (
        lee,
        date(2026, 12, 1),
        "detect",
        "short",
        "open",
        "**80 %**",
    )
    assert item.events.count() == 1


def test_an_action_without_owner_is_refused_by_the_deed_and_by_the_database(add):
    with pytest.raises(Invalid, match="Name one person") as refused:
        add(owner=None)
    assert refused.value.field == "owner"

    item = add()
    with pytest.raises(IntegrityError), transaction.atomic():
        ActionItem.objects.filter(pk=item.pk).update(owner=None)


@pytest.mark.parametrize(("level", "days"), [(0, 15), (1, 30), (4, 90)])
def test_i51_the_day_that_is_left_out_is_the_deadline_of_the_severity(begin, lee, level, days):
    story = begin(level=level)
    story.resolve()

    item = actions.add(story.incident, Plan("Alert", owner=lee), by=lee, at=story.minute(60))

    assert item.due_date == date(2026, 11, 23) + timedelta(days=days)


def test_r79_an_action_is_linked_to_the_root_causes_that_it_takes_away(story, add, root):
    assert Causes(story.document).addressed == 0

    item = add(root_causes=(root.pk,))

    assert list(item.root_causes.all()) == [root]
    assert (Causes(story.document).addressed, Causes(story.document).nodes[root.pk].actions) == (1, 1)


def test_a_dropped_action_addresses_nothing(story, add, root, at, lee):
    item = add(root_causes=(root.pk,))

    change(item, at, lee, Ending("dropped", dropped_because="Too dear."))

    assert Causes(story.document).addressed == 0


def test_only_a_root_cause_of_this_postmortem_can_be_addressed(story, add, at):
    plain = whys.ask(story.document, Said("no root"), by=story.commander, at=at)
    with pytest.raises(Invalid, match="no root cause of this postmortem") as refused:
        add(root_causes=(plain.pk,))
    assert refused.value.field == "root_causes"


def test_i51_closing_asks_how_it_was_verified(add, at, lee):
    item = add()
    with pytest.raises(Invalid, match="how it was seen to work") as refused:
        change(item, at, lee, Ending("done", verified_how="  "))
    assert refused.value.field == "verified_how"

    item = change(item, at, lee, DONE)
    assert (item.status, item.closed_by, item.closed_at, item.remind_at) == ("done", lee, at, None)
    item = change(item, at, lee, Ending("open", verified_how=item.verified_how))
    assert (item.closed_by, item.closed_at) == (None, None)
    assert item.remind_at is not None


def test_dropping_asks_why(add, at, lee):
    with pytest.raises(Invalid, match="why it is not done") as refused:
        change(add(), at, lee, Ending("dropped"))
    assert refused.value.field == "dropped_because"


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"kind": "pray"}, "kind"),
        ({"term": "never"}, "term"),
        ({"due_date": date(2026, 11, 21)}, "due"),
        ({"due_date": date(2042, 1, 1)}, "due"),
        ({"detail": "x" * 10_001}, "detail"),
    ],
)
def test_what_cannot_be_is_refused_on_its_field(add, plan, field):
    with pytest.raises(Invalid) as refused:
        add(**plan)
    assert refused.value.field == field
    assert ActionItem.objects.count() == 0


def test_a_late_item_can_be_changed_without_a_new_day(add, lee):
    item = add(due_date=date(2026, 11, 24))

    assert change(item, datetime(2027, 1, 1, tzinfo=UTC), lee, DONE).status == "done"


def test_of_two_who_change_it_the_second_is_told(add, at, lee):
    item = add()
    change(item, at, lee, title="theirs")
    with pytest.raises(StaleVersion, match="theirs"):
        actions.edit(item, actions.plan_of(item), DONE, by=lee, at=at, version=1)


def test_nobody_owns_what_they_may_not_see_and_nobody_who_left_is_given_more(begin, lee, at, add):
    hidden = begin(private=True)
    hidden.resolve()
    with pytest.raises(Invalid, match="has no part in this private incident"):
        actions.add(hidden.incident, Plan("x", owner=lee), by=hidden.commander, at=at)
    actions.add(hidden.incident, Plan("x", owner=AdministratorFactory()), by=hidden.commander, at=at)

    gone = UserFactory(is_active=False)
    with pytest.raises(Invalid, match="not active any more"):
        add(owner=gone)


# Being told


def told(person):
    return list(
        Notice.objects.exclude(dedupe_key__startswith="digest:")
        .filter(person=person)
        .order_by("pk")
        .values_list("subject", flat=True)
    )


def test_the_owner_is_told_at_once_unless_it_was_they_themselves(add, lee, at, story):
    item = add()
    assert told(lee) == [f"Yours by 2026-12-08: {item.title}"]

    ann = UserFactory()
    change(item, at, story.commander, owner=ann)
    change(item, at, story.commander, title="Alert on the pool at 80 %")
    assert told(ann) == ["Yours by 2026-12-08: Alert on the pool"]
    add("Mine", owner=story.commander)
    assert told(story.commander) == []


def test_i51_the_owner_is_reminded_before_on_and_after_the_day_in_their_own_morning(add, lee):
    item = add(due_date=date(2026, 12, 8))
    Notice.objects.all().delete()
    mornings = [datetime(2026, 12, day, 7, tzinfo=UTC) for day in (5, 8, 9, 16)]  # 9:00 in Cairo

    for morning in mornings:
        item.refresh_from_db()
        assert item.remind_at == morning
        assert reminding.remind_due(morning).rows == 0
        assert reminding.remind_due(morning + timedelta(seconds=1)).rows == 1
        assert reminding.remind_due(morning + timedelta(seconds=2)).rows == 0

    assert told(lee) == [
        f"Action item due in 3 days: {item.title}",
        f"Action item due today: {item.title}",
        f"Action item 1 day late: {item.title}",
        f"Action item 8 days late: {item.title}",
    ]
    notice = Notice.objects.filter(person=lee).first()
    assert (notice.path, notice.incident) == (f"/action-items/{item.pk}/", item.incident)


def test_an_engine_that_slept_for_weeks_reminds_once(add, lee):
    add(due_date=date(2026, 12, 8))
    Notice.objects.all().delete()
    late = datetime(2027, 2, 1, tzinfo=UTC)

    due.settle(late)

    assert len(told(lee)) == 1
    assert ActionItem.objects.get().remind_at > late


def test_what_is_done_reminds_nobody(add, lee, at):
    change(add(), at, lee, DONE)
    Notice.objects.all().delete()

    assert reminding.remind_due(datetime(2027, 1, 1, tzinfo=UTC)).rows == 0
    assert told(lee) == []


# Items that the house writes


def test_r22_i07_a_p4_pages_nobody_and_leaves_a_backlog_item(begin):
    story = begin(level=4, title="The button is two pixels too low")
    due.settle(story.minute(120))

    item = ActionItem.objects.get()

    assert (item.title, item.origin, item.owner, item.incident) == (
        "The button is two pixels too low",
        "backlog",
        story.commander,
        story.incident,
    )
    assert item.due_date == date(2026, 11, 23) + timedelta(days=90)
    assert not Page.objects.filter(act="page").exists()


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_r22_other_levels_leave_none(begin, level):
    begin(level=level)
    assert not ActionItem.objects.exists()


@pytest.mark.parametrize("kind", ["drill", "backfill"])
def test_neither_a_drill_nor_the_past_leaves_a_backlog_item(begin, kind):
    begin(level=4, kind=kind)
    assert not ActionItem.objects.exists()


def test_lowered_to_p4_it_leaves_one_item_however_often(begin):
    story = begin(level=3)
    for number, level in enumerate((4, 3, 4), start=2):
        grading.change_severity(
            story.incident,
            to=Severity.objects.get(level=level),
            reason="Looked again.",
            by=story.commander,
            at=story.minute(number),
        )
    assert ActionItem.objects.count() == 1


def test_a_p4_of_monitoring_goes_to_the_lead_of_the_team_and_waits_where_there_is_nobody(db):
    service, lonely = ServiceFactory(), ServiceFactory()
    Membership.objects.create(team=service.team, user=UserFactory(name="Eno"), rank="engineer")
    Membership.objects.create(team=service.team, user=UserFactory(name="Lea"), rank="lead")
    for one in (service, lonely):
        said = lifecycle.Declaration("x", service=one, severity=Severity.objects.get(level=4))
        lifecycle.declare(said, by=None, at=datetime(2026, 11, 23, tzinfo=UTC))

    owners = ActionItem.objects.order_by("pk").values_list("owner__name", flat=True)
    assert list(owners) == ["Lea", None]


def test_a_lost_hook_is_repaired_by_the_next_tick(begin):
    story = begin(level=4)
    ActionItem.objects.all().delete()

    assert actions.write_missing(story.minute(5)).rows == 1
    assert actions.write_missing(story.minute(6)).rows == 0
    assert ActionItem.objects.get().origin == "backlog"


def test_r35_a_cause_that_is_not_known_yet_leaves_an_item(begin):
    story = begin()
    story.resolve(not_yet_because="The vendor looks into it.")

    item = ActionItem.objects.get()
    assert (item.origin, item.detail, item.owner) == ("cause", "The vendor looks into it.", story.commander)
    assert item.title == "Find the root cause of: Card payments failing at checkout"


def test_a_level_that_is_switched_off_in_the_admin_leaves_none(begin):
    ActionDeadline.objects.filter(severity=4).update(made_on_declare=False)
    begin(level=4)
    assert not ActionItem.objects.exists()
