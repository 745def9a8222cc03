"""What people hear of their shifts: before one starts, at the handoff, once a day; each as they wish, and once."""

from datetime import UTC, datetime, time, timedelta

import pytest

from incidents.models import Notice
from incidents.refusals import Invalid, NotAllowed
from oncall import handoffs, overriding, swapping, wishes
from oncall.models import Delivery, HandoffNote, OverrideKind, ShiftWish
from oncall.notices import dispatch_due
from tests.factories import ContactMethodFactory, LayerFactory, ScheduleFactory, ServiceFactory
from tests.oncall.conftest import DAY, HOUR, NOON, START, reachable, told
from tests.oncall.views.conftest import words

pytestmark = pytest.mark.django_db
MIDNIGHT = NOON.replace(hour=0) + DAY  # Ada takes over from Cy
MINUTE = timedelta(minutes=1)
USUAL = {"soon": HOUR, "moved": True, "handoff": True, "swaps": True, "daily_at": None, "channels": []}


def wish(person, at=NOON, **said):
    return wishes.set_wishes(person, at=at, **(USUAL | said))


def watch(start, end, step=MINUTE):
    """Let the source run so often between two instants."""
    while start <= end:
        handoffs.look_due(start + timedelta(milliseconds=1))
        start += step


def heard(person):
    """What the person was told, and when each came: (subject, minutes from midnight)."""
    rows = Notice.objects.filter(person=person).order_by("due_at", "pk")
    return [(row.subject, round((row.due_at - MIDNIGHT) / MINUTE)) for row in rows]


def test_a_word_an_hour_before_and_the_handoff_each_once(trio):
    watch(NOON, MIDNIGHT + HOUR)

    assert heard(trio.ada) == [
        ("You are on call in Payments daily from Thu 00:00", -60),
        ("You are on call now in Payments daily", 0),
    ]
    assert heard(trio.cy) == []


@pytest.mark.parametrize(("minutes", "first"), [(1, -1), (90, -90), (600, -600)])
def test_each_person_chooses_how_long_before(trio, minutes, first):
    wish(trio.ada, soon=timedelta(minutes=minutes))

    watch(NOON, MIDNIGHT + HOUR)

    assert [moment for _, moment in heard(trio.ada)] == [first, 0]


def test_each_person_chooses_which(trio):
    wish(trio.ada, soon=None, handoff=False)

    watch(NOON, MIDNIGHT + HOUR)

    assert heard(trio.ada) == []


def test_notices_are_not_lost_and_not_doubled_while_the_engine_was_away(trio):
    handoffs.look_due(NOON)

    for moment in (MIDNIGHT + 5 * HOUR, MIDNIGHT + 5 * HOUR + MINUTE, MIDNIGHT + 6 * HOUR):
        handoffs.look_due(moment)

    assert told(trio.ada) == ["You are on call now in Payments daily"]


def test_a_handoff_that_is_over_is_told_nobody(trio):
    handoffs.look_due(NOON)

    handoffs.look_due(MIDNIGHT + DAY + HOUR)

    assert told(trio.ada) == []
    assert told(trio.ben) == ["You are on call now in Payments daily"]


def test_whoever_goes_on_while_others_change_takes_nothing_over(trio):
    extra = overriding.Wish(OverrideKind.ADD, trio.ada, NOON, MIDNIGHT)
    overriding.override(trio.schedule, extra, by=trio.root, at=NOON)
    Notice.objects.all().delete()

    watch(NOON, MIDNIGHT + HOUR, step=10 * MINUTE)

    assert heard(trio.ada) == []


def test_the_handoff_holds_open_incidents_and_the_last_note_of_the_one_before(chain):
    bo = reachable("Bo")
    night = ScheduleFactory(name="Night", team=chain.team, people=[], answers_for_team=False)
    LayerFactory(schedule=night, people=[chain.ada, bo], anchor="2026-03-29T00:00", unit="day")
    incident = chain.declare(1, at=START)
    chain.declare(2, at=START, title="Secret", private=True)
    chain.declare(2, at=START, title="Elsewhere", service=ServiceFactory())
    for author, text in ((chain.ada, "Old"), (chain.ada, "Watch the queue."), (chain.lea, "Not of the shift")):
        handoffs.leave_note(night, text=text, by=author, at=START)
    handoffs.look_due(START)

    handoffs.look_due(START + DAY)

    notice = Notice.objects.get(person=bo, subject="You are on call now in Night")
    assert notice.text == f"{incident.ref} P1 Checkout: Payments fail\nAda wrote: Watch the queue."


def test_who_wants_no_word_of_swaps_or_moves_gets_none(trio):
    for person in (trio.ada, trio.ben):
        wish(person, swaps=False, moved=False)
    swapping.ask(trio.schedule, start=NOON + HOUR, end=NOON + 2 * HOUR, by=trio.cy, at=NOON)
    overriding.override(
        trio.schedule,
        overriding.Wish(OverrideKind.ADD, trio.ada, NOON + HOUR, NOON + 2 * HOUR),
        by=trio.root,
        at=NOON,
    )

    assert told(trio.ada) + told(trio.ben) == []


# Once a day


def test_o52_a_missed_day_gives_one_notice_on_each_way_and_not_one_for_each_missed_slot(trio):
    for way in ("email", "chat", "sms"):
        ContactMethodFactory(user=trio.ada, channel=way, address=f"ada-{way}")
    wish(trio.ada, daily_at=time(8), channels=["email", "chat"], at=NOON, soon=None, handoff=False)
    back = NOON + 4 * DAY  # the engine was away for four days; Ada is on call at midnight twelve hours on

    while handoffs.remind_due(back).rows:
        pass
    dispatch_due(back + MINUTE)

    notices = Notice.objects.filter(person=trio.ada)
    assert sorted(notices.values_list("channels", flat=True)) == [["chat"], ["email"]]
    assert sorted(Delivery.objects.values_list("channel", flat=True)) == ["chat", "email"]
    assert ShiftWish.objects.get().daily_due_at == (NOON + 5 * DAY).replace(hour=8)


def test_o52_the_daily_notice_comes_on_days_with_a_shift_at_ones_own_clock(trio):
    trio.ada.time_zone = "Asia/Kathmandu"
    trio.ada.save()
    wish(trio.ada, daily_at=time(7, 30), at=NOON, soon=None, handoff=False)
    for hour in range(24 * 6):
        handoffs.remind_due(NOON + hour * HOUR)

    rows = list(Notice.objects.filter(person=trio.ada).order_by("pk"))
    local = [row.due_at.astimezone(trio.ada.zone) for row in rows]
    assert {f"{moment:%H}" for moment in local} <= {"07", "08"}
    assert [row.subject for row in rows] == ["You are on call today: Payments daily"] * 4


def test_the_daily_time_is_chosen_on_the_wall_also_when_it_does_not_exist(trio):
    trio.ada.time_zone = "Europe/Berlin"
    night = datetime(2026, 3, 28, 12, tzinfo=UTC)

    assert wishes.next_daily(trio.ada, time(2, 30), night) == datetime(2026, 3, 29, 1, tzinfo=UTC)


# Notes, pages


def test_a_note_is_left_by_the_team_alone_and_says_something(trio):
    with pytest.raises(NotAllowed):
        handoffs.leave_note(trio.schedule, text="Hello", by=trio.eve, at=NOON)
    with pytest.raises(Invalid):
        handoffs.leave_note(trio.schedule, text=" ", by=trio.ada, at=NOON)


def test_i_choose_my_notices_on_a_page(client, trio):
    ContactMethodFactory(user=trio.ada)
    client.force_login(trio.ada)
    assert "Minutes before my shift starts" in words(client.get("/me/shifts/"))

    said = {"soon": "30", "moved": "on", "daily_at": "08:15", "channels": ["email"]}
    assert "Saved." in words(client.post("/me/shifts/", said, follow=True))

    row = ShiftWish.objects.get()
    assert (row.soon, row.moved, row.handoff, row.swaps, row.daily_at, row.channels) == (
        timedelta(minutes=30),
        True,
        False,
        False,
        time(8, 15),
        ["email"],
    )


@pytest.mark.parametrize("said", [{"soon": "0"}, {"soon": "20000"}, {"daily_at": "25:00"}, {"channels": ["voice"]}])
def test_what_cannot_be_chosen_is_refused(client, trio, said):
    client.force_login(trio.ada)

    assert client.post("/me/shifts/", said).status_code == 422
    assert not ShiftWish.objects.exists()


def test_without_a_contact_method_the_page_says_that_nothing_would_come(client, trio):
    client.force_login(trio.ada)

    assert "none would reach you" in words(client.get("/me/shifts/"))


def test_a_note_is_left_on_the_handoff_page(client, trio):
    client.force_login(trio.ada)
    path = f"/on-call/schedules/{trio.schedule.slug}/handoff/"
    assert "Nobody has left a note yet." in words(client.get(path))

    page = words(client.post(path, {"text": "Disk of db-2 is at 91 %."}, follow=True))

    assert "Left for whoever takes over." in page
    assert "Disk of db-2 is at 91 %." in page
    assert client.post(path, {"text": ""}).status_code == 422


def test_a_stranger_reads_the_handoff_page_and_leaves_no_note(client, trio):
    client.force_login(trio.eve)
    path = f"/on-call/schedules/{trio.schedule.slug}/handoff/"

    assert "Leave the note" not in words(client.get(path))
    assert client.post(path, {"text": "Hello"}).status_code == 422
    assert not HandoffNote.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_looking_costs_the_same_for_one_schedule_and_three(trio, count, django_assert_num_queries):
    for _ in range(count):
        ScheduleFactory()
    handoffs.look_due(NOON)

    with django_assert_num_queries(14):  # due, known, lock, rosters (6), wishes, people, update, savepoint
        handoffs.look_due(NOON + HOUR)
