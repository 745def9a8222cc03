"""Personal notification rules: bands, delays, quiet hours, the floor of the severity. SCENARIOS “Personal rules”."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.urls import reverse

from incidents import due, lifecycle
from incidents.refusals import Invalid
from oncall import escalation, wishing
from oncall.models import Channel, Delivery, NotificationRule, Page
from tests.api_caller import responder
from tests.factories import UserFactory
from tests.oncall.conftest import START, after, reachable, settle
from tests.oncall.views.conftest import words

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def rules(person, *said, band="page_now"):
    wishing.set_rules(person, [(band, channel, timedelta(minutes=minutes)) for channel, minutes in said])


def messages(incident, person):
    """(channel, minutes after the start) of what goes out to a person, unless somebody answers."""
    rows = Delivery.objects.filter(page__incident=incident, person=person).exclude(state="bundled")
    return sorted((row.channel, round((row.not_before - START) / MINUTE)) for row in rows)


def test_o16_two_messages_at_once_and_one_at_thirty_minutes(chain):
    rules(chain.ada, ("sms", 0), ("voice", 0), ("sms", 30))
    incident = chain.declare(2)

    settle(seconds=0)

    assert messages(incident, chain.ada) == [("sms", 0), ("sms", 30), ("voice", 0)]


def test_o16_what_a_rule_holds_back_is_not_sent_after_the_answer(chain):
    rules(chain.ada, ("sms", 0), ("sms", 30))
    incident = chain.declare(2)
    settle(seconds=0)

    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=1))

    assert set(Delivery.objects.filter(page__incident=incident).values_list("state", flat=True)) == {"cancelled"}


def test_o01_the_rest_of_the_rules_goes_on_when_the_next_level_is_paged(chain):
    rules(chain.ada, ("sms", 0), ("voice", 20))
    incident = chain.declare(2)
    settle(seconds=0)
    settle(minutes=15)

    late = Delivery.objects.get(page__incident=incident, channel="voice", person=chain.ada)
    assert (late.state, round((late.not_before - START) / MINUTE)) == ("pending", 20)
    assert Page.objects.filter(incident=incident, person=chain.lea).count() == 1


def test_o19_a_second_escalation_to_the_same_person_doubles_no_message_of_the_same_minute(chain):
    rules(chain.lea, ("sms", 0), ("sms", 30))
    chain.schedule.layers.get().people.update(user=chain.lea)
    incident = chain.declare(2)
    settle(seconds=0)
    assert messages(incident, chain.lea) == [("sms", 0), ("sms", 30)]

    escalation.escalate_now(incident, by=chain.dan, at=after(minutes=30))
    settle(minutes=30)

    assert messages(incident, chain.lea) == [("sms", 0), ("sms", 30), ("sms", 60)]
    assert Page.objects.filter(incident=incident, person=chain.lea).count() == 3  # by hand, and another round


def test_o19_what_went_out_within_the_minute_is_not_said_again(chain):
    chain.schedule.layers.get().people.update(user=chain.lea)
    incident = chain.declare(2)
    settle(seconds=0)
    Delivery.objects.update(state="accepted")

    escalation.escalate_now(incident, by=chain.dan, at=after(seconds=20))
    settle(seconds=20)

    assert Page.objects.filter(incident=incident, person=chain.lea).count() == 2
    assert messages(incident, chain.lea) == [("chat", 0), ("email", 0)]


@pytest.mark.parametrize("level", [0, 1])
def test_on_p0_and_p1_the_channels_of_the_severity_are_the_floor(chain, level):
    rules(chain.ada, ("email", 10), ("in_app", 5))
    incident = chain.declare(level)

    settle(seconds=0)

    page = Page.objects.get(incident=incident, person=chain.ada)
    sent = {(row.channel, round((row.not_before - START) / MINUTE)) for row in page.deliveries.all()}
    assert sent == {("voice", 0), ("sms", 0), ("chat", 0), ("email", 0), ("email", 10), ("in_app", 5)}


def test_a_p2_whose_rules_all_wait_begins_with_the_method_of_last_resort(chain):
    rules(chain.ada, ("sms", 10))
    method = chain.ada.contact_methods.get(channel="email")
    wishing.set_quiet_hours(chain.ada, start=None, end=None, fallback=method)
    incident = chain.declare(2)

    settle(seconds=0)

    assert messages(incident, chain.ada) == [("email", 0), ("sms", 10)]


def test_i11_a_rule_for_a_method_that_is_not_verified_is_passed_over(chain):
    rules(chain.ada, ("sms", 0), ("chat", 0))
    chain.ada.contact_methods.filter(channel="sms").update(verified_at=None)
    incident = chain.declare(2)

    settle(seconds=0)

    assert messages(incident, chain.ada) == [("chat", 0)]


def test_when_no_rule_finds_a_method_the_last_resort_is_used(chain):
    rules(chain.ada, ("sms", 0))
    chain.ada.contact_methods.filter(channel="sms").delete()
    incident = chain.declare(2)

    settle(seconds=0)

    assert messages(incident, chain.ada) == [("voice", 0)]  # the first in the list


def test_a_drill_runs_through_the_rules_as_fast_as_it_says(chain):
    rules(chain.ada, ("sms", 0), ("sms", 30))
    incident = chain.declare(2, kind="drill", time_scale=60)

    settle(seconds=0)

    first, second = Delivery.objects.filter(page__incident=incident).order_by("not_before")
    assert second.not_before - first.not_before == timedelta(seconds=30)


def night(zone_hour=1):
    """One in the morning in UTC, of a Wednesday."""
    return datetime(2026, 4, 1, zone_hour, tzinfo=UTC)


def at_night(chain, level):
    incident = chain.declare(level, at=night())
    due.settle(night() + timedelta(milliseconds=1))
    rows = Delivery.objects.filter(page__incident=incident, person=chain.ada)
    return {row.channel: row.not_before.replace(microsecond=0) for row in rows}


def test_quiet_hours_hold_what_can_wait_on_the_persons_own_clock(chain):
    chain.ada.time_zone = "Europe/Berlin"
    chain.ada.save()
    rules(chain.ada, ("email", 0), ("in_app", 0), band="can_wait")
    wishing.set_quiet_hours(chain.ada, start=time(22), end=time(7), fallback=None)

    sent = at_night(chain, 3)

    assert sent == {"email": datetime(2026, 4, 1, 5, tzinfo=UTC), "in_app": night()}
    held = Delivery.objects.get(channel="email")
    assert held.error == "held until Wed 05:00 UTC: quiet hours"
    assert held.expires_at == held.not_before + held.page.incident.severity.delivery_expires_after


def test_a_p0_ignores_quiet_hours(chain):
    wishing.set_quiet_hours(chain.ada, start=time(0), end=time(23), fallback=None)

    assert set(at_night(chain, 0).values()) == {night()}


def test_c6_without_rules_the_chat_of_a_p3_waits_for_working_hours_and_its_mail_does_not(chain):
    assert at_night(chain, 3) == {"chat": datetime(2026, 4, 1, 9, tzinfo=UTC), "email": night()}


@pytest.mark.parametrize(
    ("start", "end", "hour", "over"),
    [(22, 7, 23, 7), (22, 7, 6, 7), (22, 7, 7, None), (9, 12, 10, 12), (9, 12, 12, None)],
)
def test_quiet_hours_may_cross_midnight(start, end, hour, over):
    from oncall.plans import Quiet

    moment = night(hour)
    found = Quiet(time(start), time(end)).over(moment, UserFactory.build())

    assert (found.hour, found > moment) == ((over, True) if over is not None else (hour, False))


def test_the_first_message_of_an_incident_goes_before_later_pages_and_information(chain):
    incident = chain.declare(0)
    settle(minutes=0)
    settle(minutes=5)
    settle(minutes=15)
    settle(minutes=30)
    low = chain.declare(2, title="low", at=after(minutes=31))
    settle(minutes=31)

    def priorities(incident, act, person):
        pages = Page.objects.filter(incident=incident, act=act, person=person).order_by("pk")
        return [page.deliveries.first().priority for page in pages]

    assert priorities(incident, "page", chain.ada) == [0]
    assert priorities(low, "page", chain.ada) == [2]
    assert priorities(incident, "page", chain.eve) == [0, 5]
    assert priorities(incident, "inform", chain.eve) == [10]


def test_300_alerts_of_one_service_do_not_delay_the_page_of_another(chain):
    from oncall import leasing
    from tests.factories import ScheduleFactory, ServiceFactory, TeamFactory

    for number in range(30):
        chain.declare(2, title=f"storm {number}")
    team = TeamFactory()
    ScheduleFactory(team=team, people=[reachable("Otto")])
    other = chain.declare(2, service=ServiceFactory(team=team), title="alone")

    settle(seconds=0)
    leased = leasing.lease(Channel.EMAIL, at=after(seconds=1))

    assert other.pk in [row.page.incident_id for row in leased]


def test_rules_are_replaced_as_a_whole(chain):
    rules(chain.ada, ("sms", 0), ("voice", 5))
    rules(chain.ada, ("email", 0), band="can_wait")

    assert [(rule.band, rule.channel) for rule in wishing.of(chain.ada)] == [("can_wait", "email")]


@pytest.mark.parametrize(
    "said",
    [
        [("page_now", "pigeon", timedelta(0))],
        [("page_now", "canary", timedelta(0))],
        [("tomorrow", "sms", timedelta(0))],
        [("page_now", "sms", timedelta(hours=25))],
        [("page_now", "sms", timedelta(0))] * 2,
        [("page_now", "sms", timedelta(minutes=minute)) for minute in range(21)],
    ],
)
def test_rules_that_cannot_be_are_refused_and_change_nothing(chain, said):
    rules(chain.ada, ("sms", 0))

    with pytest.raises(Invalid):
        wishing.set_rules(chain.ada, said)

    assert len(wishing.of(chain.ada)) == 1


def test_the_method_of_last_resort_is_ones_own_and_verified(chain):
    for method in (chain.lea.contact_methods.first(), chain.ada.contact_methods.first()):
        method.verified_at = None if method.user == chain.ada else method.verified_at
        with pytest.raises(Invalid):
            wishing.set_quiet_hours(chain.ada, start=None, end=None, fallback=method)


def put(caller, path, body):
    return caller.send("PUT", path, json.dumps(body))


def test_the_api_replaces_reads_and_refuses_rules():
    caller = responder()
    mine = f"users/{caller.person.email}/notification-rules"
    said = [{"band": "page_now", "channel": "sms", "delay": 0}, {"band": "can_wait", "channel": "email", "delay": 60}]

    assert put(caller, mine, said).json() == said
    assert caller.get(mine).json() == said
    assert put(caller, mine, [{"band": "page_now", "channel": "pigeon", "delay": 0}]).status_code == 422
    other = UserFactory()
    assert caller.get(f"users/{other.email}/notification-rules").status_code == 403
    assert put(caller, f"users/{other.email}/notification-rules", said).status_code == 403


def test_the_api_sets_quiet_hours():
    caller = responder()
    mine = f"users/{caller.person.email}/reachability"
    said = {"quiet_from": "22:00", "quiet_until": "07:00", "fallback_method": None}

    assert put(caller, mine, said).json() == said
    assert caller.get(mine).json() == said
    assert put(caller, mine, {"quiet_from": "22:00"}).status_code == 422


def form_of(answer, part):
    """What the page's form would send back."""
    if part == "quiet":
        return {"part": "quiet", "quiet_from": "22:00", "quiet_until": "07:00", "fallback_method": ""}
    sent = {"part": "rules"}
    for band in ("page_now", "can_wait"):
        sent |= {f"{band}-TOTAL_FORMS": "2", f"{band}-INITIAL_FORMS": "0"}
    return sent


def test_my_page_saves_rules_and_says_what_happens_at_three_in_the_morning(client, chain):
    client.force_login(chain.ada)
    address = reverse("oncall:reached")
    sent = form_of(None, "rules") | {
        "can_wait-0-channel": "email",
        "can_wait-0-minutes": "0",
        "page_now-0-channel": "sms",
        "page_now-0-minutes": "10",
    }

    assert client.post(address, sent).url == address
    assert client.post(address, form_of(None, "quiet")).url == address

    text = words(client.get(address))
    assert "At once phone, SMS, chat and e-mail" in text
    assert "After 10 min SMS" in text
    assert "07:00 e-mail held for quiet hours" in text
    assert "Calls again every 2 min until you answer." in text
    assert NotificationRule.objects.filter(user=chain.ada).count() == 2


def test_my_page_refuses_half_quiet_hours_and_keeps_what_was_typed(client, chain):
    client.force_login(chain.ada)

    answer = client.post(reverse("oncall:reached"), {"part": "quiet", "quiet_from": "22:00"})

    assert answer.status_code == 422
    assert "Quiet hours need a start and an end." in words(answer)
    assert 'value="22:00"' in answer.content.decode()


def test_my_page_says_that_nothing_reaches_who_has_no_verified_method(client, db):
    client.force_login(UserFactory())

    text = words(client.get(reverse("oncall:reached")))

    assert "No page can reach you" in text
    assert "Nothing reaches you." in text


@pytest.mark.parametrize("count", [1, 3])
def test_my_page_costs_the_same_for_one_rule_and_three(client, chain, count, django_assert_max_num_queries):
    rules(chain.ada, *[("sms", minute) for minute in range(count)])
    client.force_login(chain.ada)

    with django_assert_max_num_queries(19):
        client.get(reverse("oncall:reached"))
