"""The sandbox: what each phone would have received, answers that act, and who may look."""

from datetime import timedelta

import pytest
from django.urls import reverse

from incidents import lifecycle
from incidents.models import Access, Notice
from oncall.models import Delivery, SandboxMessage
from oncall.phone import Phone
from tests.factories import ServiceFactory, UserFactory
from tests.oncall.conftest import paged
from tests.oncall.views.conftest import SHELL, settle, words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox")]


def phone(client, person, **query):
    return client.get(reverse("oncall:sandbox-phone", args=[person.pk]), query)


def renew(client, person, stamp=""):
    return client.get(reverse("oncall:sandbox-messages", args=[person.pk]), {"stamp": stamp})


def answers(answer):
    """The addresses to which the buttons of a phone post."""
    parts = answer.content.decode().split('hx-post="')[1:]
    return [part.partition('"')[0] for part in parts if part.startswith("/a/")]


def test_o36_a_p0_rings_and_writes_on_all_four_ways(client, administrator, chain, now):
    incident = chain.declare(0, at=now, title="Cards fail")
    settle(now)

    text = words(phone(client, chain.ada))

    assert "The phone of Ada" in text
    assert f"“P0 Checkout: Cards fail. {incident.ref}. Press 1 to take it, 2 to pass it on.”" in text
    assert [way for way in ("Phone ", "SMS ", "Chat ", "E-mail ") if way not in text] == []
    assert "1 Take it 2 Pass on" in text
    assert "You are told because: on call, Payments weekly, Primary." in text


def test_the_one_tap_answer_acts_as_that_person(client, administrator, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)
    [address] = answers(phone(client, chain.ada))  # the chat's; the e-mail brings a link

    client.post(address, {"action": "take"}, headers={"HX-Request": "true"})

    incident.refresh_from_db()
    assert incident.acknowledged_by == chain.ada
    after = phone(client, chain.ada)
    assert answers(after) == []
    assert "answered in 00:0" in words(after)


def test_passing_on_pages_the_next_one(client, administrator, chain, now):
    incident = chain.declare(2, at=now)
    settle(now)

    client.post(answers(phone(client, chain.ada))[0], {"action": "pass"})
    settle(now + timedelta(minutes=1))

    assert paged(incident) == ["Ada", "Lea"]
    assert "Another phone waits for an answer: Lea" in words(phone(client, chain.ada))


def test_only_the_newest_call_can_be_answered_by_key(client, administrator, chain, now):
    chain.declare(0, at=now)
    settle(now)
    settle(now + timedelta(minutes=2, seconds=1))

    answer = phone(client, chain.ada)

    assert words(answer).count("Press 1") == 2  # both calls said it
    assert answer.content.decode().count("1 Take it") == 1
    assert "Phone, call 2" in words(answer)


def test_o34_the_foot_says_who_is_next_and_when(client, administrator, chain, now):
    chain.declare(2, at=now)
    settle(now)

    text = words(phone(client, chain.ada))

    at = now + timedelta(minutes=15)
    assert f"if Ada does not answer, Lea is paged at {at:%H:%M:%S} UTC , in 14:5" in text


def test_a_phone_for_which_nothing_waits_says_so(client, administrator, chain):
    text = words(phone(client, chain.ada))

    assert "Nothing has arrived" in text
    assert "No page waits for an answer of Ada." in text
    assert "No message has been made for Ada yet." in text


def test_the_phone_tells_the_persons_own_time(client, administrator, chain):
    chain.ada.time_zone = "Africa/Cairo"
    chain.ada.save()

    assert ", Cairo" in words(phone(client, chain.ada))


def test_it_renews_itself_only_when_something_changed(client, administrator, chain, now):
    stamp = Phone(chain.ada, administrator, now).stamp

    assert renew(client, chain.ada, stamp).status_code in {204, 200}  # 200 when the minute has just turned
    chain.declare(1, at=now)
    settle(now)

    answer = renew(client, chain.ada, stamp)
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert "1 Take it" in words(answer)
    assert Phone(chain.ada, administrator, now).stamp != stamp


def test_every_button_keeps_its_name_when_the_phone_renews_itself(client, administrator, chain, now):
    """htmx gives the focus back to an element of the same id."""
    chain.declare(1, at=now)
    settle(now)

    page = renew(client, chain.ada).content.decode()

    assert 'hx-trigger="every 2s"' in page
    assert page.count("<button") == page.count('id="take-') + page.count('id="pass-')
    assert 'hx-preserve="true"' in page  # an open mail stays open


def test_emptying_clears_the_messages_and_keeps_the_deliveries(client, administrator, chain, now):
    chain.declare(1, at=now)
    settle(now)
    sent = Delivery.objects.filter(person=chain.ada).count()

    answer = client.post(reverse("oncall:sandbox-empty", args=[chain.ada.pk]))

    assert answer.url == reverse("oncall:sandbox-phone", args=[chain.ada.pk])
    assert not SandboxMessage.objects.filter(person=chain.ada).exists()
    assert Delivery.objects.filter(person=chain.ada).count() == sent
    assert "Nothing has arrived" in words(phone(client, chain.ada))


def test_emptying_by_htmx_answers_with_the_phone_alone(client, administrator, chain):
    address = reverse("oncall:sandbox-empty", args=[chain.ada.pk])

    answer = client.post(address, headers={"HX-Request": "true"})

    assert answer.content.decode().lstrip().startswith("{#") is False
    assert 'id="phone"' in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert client.get(address).status_code == 405


def test_others_see_their_own_phone_alone(client, chain):
    client.force_login(chain.ada)

    assert phone(client, chain.ada).status_code == 200
    assert phone(client, chain.lea).status_code == 404
    assert renew(client, chain.lea).status_code == 404
    assert client.post(reverse("oncall:sandbox-empty", args=[chain.lea.pk])).status_code == 404
    assert "Whose phone" not in words(phone(client, chain.ada))


def test_in_the_demo_whoever_may_act_picks_up_any_phone_and_a_viewer_only_their_own(client, chain, settings):
    settings.DEMO = True
    client.force_login(chain.ada)
    assert "The phone of Lea" in words(phone(client, chain.lea))

    chain.ada.access = Access.VIEWER
    chain.ada.save()
    assert phone(client, chain.lea).status_code == 404
    assert phone(client, chain.ada).status_code == 200


def test_in_the_demo_a_private_incident_still_does_not_exist_for_others(client, chain, settings, now):
    settings.DEMO = True
    chain.declare(1, at=now, title="Salaries leaked", private=True)
    settle(now)
    client.force_login(UserFactory())

    text = words(phone(client, chain.ada))

    assert "Salaries" not in text
    assert "Nothing has arrived" in text
    assert "No page waits" in text
    assert "INC-" not in text
    client.force_login(chain.ada)
    assert "Salaries leaked" in words(phone(client, chain.ada))


def test_the_entrance_leads_to_the_phone_that_matters(client, administrator, chain, now):
    entrance = reverse("oncall:sandbox")
    own = reverse("oncall:sandbox-phone", args=[administrator.pk])
    assert client.get(entrance).url == own
    incident = chain.declare(2, at=now)
    settle(now)
    assert client.get(entrance).url == reverse("oncall:sandbox-phone", args=[chain.ada.pk])
    lifecycle.acknowledge(incident, by=chain.ada, at=now)
    assert client.get(entrance).url == reverse("oncall:sandbox-phone", args=[chain.ada.pk])
    assert client.get(entrance, {"person": chain.eve.pk}).url == reverse("oncall:sandbox-phone", args=[chain.eve.pk])
    assert client.get(entrance, {"person": "x"}).status_code == 302


def test_a_notice_arrives_as_well(client, administrator, chain, now):
    Notice.objects.create(
        person=chain.ada,
        subject="Your shift begins",
        text="At 18:00 UTC.",
        path="/on-call/",
        due_at=now,
        dedupe_key="n",
    )
    settle(now)

    text = words(phone(client, chain.ada))

    assert "At 18:00 UTC." in text
    assert "Your shift begins" in text
    assert "Take it" not in text


def test_without_the_sandbox_the_page_says_how_messages_go_out(client, administrator, chain, settings):
    settings.SANDBOX = False

    answer = client.get(reverse("oncall:sandbox"))

    assert "The sandbox is off" in words(answer)
    assert "no provider for Phone is set up" in words(answer)
    assert phone(client, chain.ada).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_a_phone_costs_the_same_for_one_incident_and_three(
    client, administrator, chain, count, django_assert_num_queries, now
):
    for _ in range(count):  # one service each, or the messages would be bundled
        chain.declare(0, at=now, service=ServiceFactory(team=chain.team))
    settle(now)

    # session, user, person; people; messages; deliveries; waiting page; run, steps, then whom it would reach:
    # affected services, members, team and organisation fallback, schedules, names, roster (6), users, methods;
    # phones that wait
    with django_assert_num_queries(24 + SHELL):
        answer = phone(client, chain.ada)

    assert words(answer).count("“P0 ") == count


def test_a_failed_delivery_is_told_with_its_reason(client, administrator, chain, now, settings):
    settings.SANDBOX = False
    chain.declare(1, at=now)
    settle(now)
    settings.SANDBOX = True

    text = words(phone(client, chain.ada))

    assert "failed no provider for Phone is set up" in text
