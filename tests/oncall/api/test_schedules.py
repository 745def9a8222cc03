"""Schedules: make, edit as of now, read."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from oncall.models import Layer, Schedule
from tests.api_caller import administrator, fields_of, responder
from tests.factories import ScheduleFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return [UserFactory(email=f"{name}@example.com", name=name.title()) for name in ("amira", "ben", "chen")]


def layer(**fields):
    return {
        "name": "Primary",
        "priority": 1,
        "time_zone": "Europe/Berlin",
        "anchor": "2026-03-02T09:00",
        "unit": "week",
        "length": 1,
        "participants": [["amira@example.com"], ["ben@example.com", "chen@example.com"]],
        "restrictions": [{"weekday": 4, "start": "22:00", "end": "06:00"}],
        "effective_from": None,
        "effective_until": None,
        **fields,
    }


def body(**fields):
    return {
        "slug": "payments",
        "name": "Payments",
        "team": TeamFactory().slug,
        "time_zone": "Europe/Berlin",
        "layers": [layer()],
        **fields,
    }


def test_a_schedule_is_made_and_read_back(people):
    said = body()

    answer = administrator().post("schedules", **said)

    assert answer.status_code == 201, answer.content
    assert answer.json() == {**said, "answers_for_team": True, "active": True}
    assert responder().get("schedules/payments").json() == answer.json()
    assert responder().get("schedules").json() == {"items": [answer.json()], "next": None}


def test_a_layer_without_a_zone_has_the_schedules(people):
    plain = {key: layer()[key] for key in ("name", "anchor", "unit", "participants")}

    answer = administrator().post("schedules", **body(layers=[plain], time_zone="Asia/Tokyo"))

    assert answer.json()["layers"][0]["time_zone"] == "Asia/Tokyo"
    assert Layer.objects.get().length == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "taken"}, "slug"),
        ({"team": "nobody"}, "team"),
        ({"time_zone": "Mars"}, "time_zone"),
        ({"layers": [layer(), layer()]}, "layers.1.name"),
        ({"layers": [layer(time_zone="Mars")]}, "layers.0.time_zone"),
        ({"layers": [layer(anchor="2026-03-29T02:30")]}, "layers.0.anchor"),
        ({"layers": [layer(anchor="2026-02-30T09:00")]}, "layers.0.anchor"),
        ({"layers": [layer(anchor="2026-03-02 09:00")]}, "layers.0.anchor"),
        ({"layers": [layer(anchor="2026-03-02T09:00Z")]}, "layers.0.anchor"),
        ({"layers": [layer(anchor="0001-03-02T09:00")]}, "layers.0.anchor"),
        ({"layers": [layer(unit="fortnight")]}, "layers.0.unit"),
        ({"layers": [layer(length=0)]}, "layers.0.length"),
        ({"layers": [layer(length=10**40)]}, "layers.0.length"),
        ({"layers": [layer(length=1.5)]}, "layers.0.length"),
        ({"layers": [layer(priority=10**9)]}, "layers.0.priority"),
        ({"layers": [layer(participants=[])]}, "layers.0.participants"),
        ({"layers": [layer(participants=[[]])]}, "layers.0.participants.0"),
        ({"layers": [layer(participants=["amira@example.com"])]}, "layers.0.participants.0"),
        ({"layers": [layer(participants=[["amira@example.com"], ["x@example.com"]])]}, "layers.0.participants.1.0"),
        ({"layers": [layer(participants=[["ben@example.com", "BEN@example.com"]])]}, "layers.0.participants.0.1"),
        ({"layers": [layer(participants=[["gone@example.com"]])]}, "layers.0.participants.0.0"),
        (
            {"layers": [layer(restrictions=[{"weekday": 7, "start": "22:00", "end": "06:00"}])]},
            "layers.0.restrictions.0.weekday",
        ),
        (
            {"layers": [layer(restrictions=[{"weekday": 6, "start": "24:00", "end": "06:00"}])]},
            "layers.0.restrictions.0.start",
        ),
        (
            {"layers": [layer(effective_from="2026-03-02T09:00:00Z", effective_until="2026-03-02T09:00:00Z")]},
            "layers.0.effective_until",
        ),
        ({"layers": [layer(effective_from="2026-03-02T09:00:00")]}, "layers.0.effective_from"),
        ({"layers": [layer(people=[])]}, "layers.0.people"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_whole(people, change, field):
    ScheduleFactory(slug="taken", people=[])
    UserFactory(email="gone@example.com", is_active=False)

    assert fields_of(administrator().post("schedules", **body(**change))) == [field]
    assert Schedule.objects.count() == 1
    assert not Layer.objects.exists()


@pytest.fixture
def weekly(people):
    """Turns of a week from Monday 09:00 in Berlin: Amira, Ben, Chen."""
    participants = [[person.email] for person in people]
    said = body(layers=[layer(participants=participants, restrictions=[])])
    assert administrator().post("schedules", **said).status_code == 201
    return said


@pytest.mark.parametrize(
    ("at", "name", "until"),
    [
        ("2026-03-02T07:59:59Z", "Chen", "2026-03-02T08:00:00Z"),
        ("2026-03-02T08:00:00Z", "Amira", "2026-03-09T08:00:00Z"),
        ("2026-03-25T12:00:00+01:00", "Amira", "2026-03-30T07:00:00Z"),
    ],
)
def test_who_is_on_call_is_told_for_an_instant(weekly, at, name, until):
    answer = responder().get("schedules/payments/oncall", at=at)

    assert answer.json()["people"] == [
        {"email": f"{name.lower()}@example.com", "name": name, "layer": "Primary", "override": None, "until": until}
    ]
    assert answer.json()["at"].endswith("Z")


@pytest.mark.parametrize("at", ["0001-01-02T00:00:00Z", "9999-12-31T00:00:00Z", "2026-03-02", "now"])
def test_an_instant_that_cannot_be_is_refused(weekly, at):
    assert fields_of(responder().get("schedules/payments/oncall", at=at)) == ["at"]


def test_who_is_on_call_now(weekly):
    before = timezone.now()

    answer = responder().get("schedules/payments/oncall").json()

    assert before <= datetime.fromisoformat(answer["at"]) <= timezone.now()
    assert len(answer["people"]) == 1


def test_nobody_is_on_call_in_a_retired_schedule(weekly):
    administrator().patch("schedules/payments", active=False)

    assert responder().get("schedules/payments/oncall").json()["people"] == []
    final = responder().get(
        "schedules/payments/final", **{"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
    )
    assert final.json() == {
        "items": [],
        "gaps": [{"start": "2026-03-02T00:00:00Z", "end": "2026-03-03T00:00:00Z"}],
    }


def test_the_final_schedule_has_stretches_and_gaps(people):
    nights = [{"weekday": day, "start": "22:00", "end": "06:00"} for day in range(7)]
    said = layer(time_zone="UTC", participants=[["amira@example.com"]], restrictions=nights)
    administrator().post("schedules", **body(layers=[said]))

    answer = responder().get(
        "schedules/payments/final", **{"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
    )

    assert answer.json() == {
        "items": [
            {"start": "2026-03-02T00:00:00Z", "end": "2026-03-02T06:00:00Z", "people": ["amira@example.com"]},
            {"start": "2026-03-02T22:00:00Z", "end": "2026-03-03T00:00:00Z", "people": ["amira@example.com"]},
        ],
        "gaps": [{"start": "2026-03-02T06:00:00Z", "end": "2026-03-02T22:00:00Z"}],
    }


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({}, ["from", "to"]),
        ({"from": "2026-03-02T00:00:00Z", "to": "2026-03-02T00:00:00Z"}, ["to"]),
        ({"from": "2026-03-02T00:00:00Z", "to": "2027-04-07T00:00:00Z"}, ["to"]),
        ({"from": "2026-03-02T00:00:00", "to": "2026-03-03T00:00:00Z"}, ["from"]),
        ({"from": "2026-03-02T00:00:00Z", "to": "9999-12-31T00:00:00Z"}, ["to"]),
    ],
)
def test_a_span_that_cannot_be_is_refused(weekly, query, fields):
    assert fields_of(responder().get("schedules/payments/final", **query)) == fields


def test_an_edit_of_the_order_leaves_the_present_turn_and_the_past_alone(weekly):
    caller = responder()
    now = timezone.now()
    past = {"from": iso(now - timedelta(days=60)), "to": iso(now)}
    before = caller.get("schedules/payments/final", **past).json()
    duty = caller.get("schedules/payments/oncall", at=iso(now)).json()["people"]
    turned = [["chen@example.com"], ["ben@example.com"], ["amira@example.com"]]

    answer = administrator().patch("schedules/payments", layers=[layer(participants=turned, restrictions=[])])

    assert answer.status_code == 200, answer.content
    assert caller.get("schedules/payments/final", **past).json() == before
    later = caller.get("schedules/payments/oncall", at=iso(now + timedelta(seconds=30))).json()["people"]
    assert later == duty
    emails = [email for [email] in turned]
    place = emails.index(duty[0]["email"])
    following = caller.get("schedules/payments/oncall", at=duty[0]["until"]).json()["people"][0]["email"]
    assert following == emails[(place + 1) % 3]
    assert len(answer.json()["layers"]) == 1


def test_what_was_read_can_be_sent_back_and_changes_nothing(weekly):
    caller = administrator()
    read = caller.get("schedules/payments").json()
    rows = list(Layer.objects.values())

    answer = caller.patch("schedules/payments", name=read["name"], layers=read["layers"])

    assert answer.json() == read
    assert list(Layer.objects.values()) == rows


def test_a_layer_that_is_left_out_ends_now(weekly):
    refused = administrator().patch("schedules/payments", layers=[])
    assert fields_of(refused) == ["layers"]
    assert Layer.objects.get().effective_until is None

    answer = administrator().patch("schedules/payments", layers=[], empty=True)

    assert answer.json()["layers"] == []
    assert responder().get("schedules/payments/oncall").json()["people"] == []
    past = iso(timezone.now() - timedelta(days=1))
    assert len(responder().get("schedules/payments/oncall", at=past).json()["people"]) == 1


def test_a_preview_says_what_an_edit_would_change_and_saves_nothing(people, weekly):
    rows = list(Layer.objects.values())
    said = layer(participants=[["amira@example.com"]], restrictions=[])

    answer = responder().post("schedules/payments/preview", layers=[said])

    assert answer.status_code == 200, answer.content
    changes = answer.json()["changes"]
    assert {email for change in changes for email in change["after"]} == {"amira@example.com"}
    assert {email for change in changes for email in change["before"]} == {"ben@example.com", "chen@example.com"}
    assert answer.json()["concerns"] == ["Nobody of this rotation has a verified contact method: nobody can be paged."]
    assert list(Layer.objects.values()) == rows
    assert fields_of(responder().post("schedules/payments/preview", layers=[layer(length=0)])) == ["layers.0.length"]


def test_name_and_zone_are_edited_alone(weekly):
    rows = list(Layer.objects.values())

    answer = administrator().patch("schedules/payments", name="Payments first", time_zone="Asia/Tokyo")

    assert (answer.json()["name"], answer.json()["time_zone"]) == ("Payments first", "Asia/Tokyo")
    assert list(Layer.objects.values()) == rows


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"slug": "other"}, "slug"),
        ({"time_zone": "Mars"}, "time_zone"),
        ({"layers": [layer(anchor="soon")]}, "layers.0.anchor"),
        ({"layers": {}}, "layers"),
        ({"name": "Half done", "layers": [layer(restrictions=[]), layer()]}, "layers.1.name"),
    ],
)
def test_an_edit_that_cannot_be_changes_nothing(weekly, change, field):
    before = responder().get("schedules/payments").json()

    assert fields_of(administrator().patch("schedules/payments", **change)) == [field]
    assert responder().get("schedules/payments").json() == before


def test_an_edit_is_for_managers():
    ScheduleFactory(slug="payments")

    assert responder().patch("schedules/payments", name="Mine").status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_schedules_costs_the_same_for_one_and_three(count, django_assert_num_queries):
    caller = responder()
    caller.get("users")
    for _ in range(count):
        ScheduleFactory(people=UserFactory.create_batch(count))

    with django_assert_num_queries(6):  # token with person, schedules with team, layers, places, people, restrictions
        caller.get("schedules")


def iso(moment):
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
