"""The engine page and its deeds, through the pages and the API as administrators and managers use them."""

from datetime import timedelta

import pytest
from django.urls import reverse

from incidents import due
from incidents.models import (
    EngineBeat,
    Incident,
    LatenessMinute,
    Membership,
    Notice,
    Scope,
    Setback,
    TimelineEntry,
)
from oncall import sending
from oncall.models import Attempt, Channel, Delivery, DeliveryState, Escalation, EscalationStep, Provider
from tests.api_caller import Caller
from tests.factories import AdministratorFactory, MembershipFactory, UserFactory
from tests.oncall.views.conftest import words

pytestmark = pytest.mark.django_db
ENGINE = "/engine/"


@pytest.fixture
def failed(chain):
    """Ada's e-mail about an open P2, which the mail server refused for good."""
    incident = chain.declare(2, at=due.database_now() - timedelta(seconds=2))
    due.tick(rung=True)
    row = Delivery.objects.get(person=chain.ada, channel=Channel.EMAIL)
    Delivery.objects.exclude(pk=row.pk).filter(page__incident=incident).update(state=DeliveryState.DELIVERED)
    Delivery.objects.filter(pk=row.pk).update(state=DeliveryState.FAILED, error="550 no such mailbox")
    return Delivery.objects.get(pk=row.pk)


@pytest.fixture
def manager(chain):
    """Lea manages the team."""
    Membership.objects.filter(user=chain.lea).update(is_manager=True)
    return chain.lea


def post(client, name, *where):
    return client.post(reverse(f"oncall:{name}", args=where), follow=True)


def test_the_page_is_for_administrators_and_managers_and_for_nobody_else(client, chain, manager):
    client.force_login(chain.ada)
    assert client.get(ENGINE).status_code == 403
    assert client.get("/engine/now/").status_code == 403

    for person in (manager, AdministratorFactory()):
        client.force_login(person)
        assert client.get(ENGINE).status_code == 200


def test_an_engine_that_has_done_nothing_yet_says_so_in_every_card(client, administrator):
    due.tick()

    page = words(client.get(ENGINE))

    assert "The engine is on time" in page
    assert "No row rests" in page
    assert "Nothing failed in the last 24 hours" in page
    assert "Nothing is held" in page
    assert "No provider was asked yet" in page


def test_lateness_is_drawn_minute_by_minute_and_silence_is_told(client, administrator):
    due.tick()
    minute = due.database_now().replace(second=0, microsecond=0)
    rows = [(70, 0.2), (40, 45.0), (39, 2.0)]
    LatenessMinute.objects.bulk_create(
        LatenessMinute(minute=minute - timedelta(minutes=ago), worst_seconds=late) for ago, late in rows
    )

    page = client.get(ENGINE)

    assert "45 s late at worst in the last 24 hours, silent for 6" in words(page)
    assert '<rect class="bad"' in page.content.decode()
    assert '<rect class="silent"' in page.content.decode()


def test_each_tick_keeps_the_worst_lateness_of_its_minute_and_the_first_drops_what_is_old():
    old = due.database_now() - due.KEPT - timedelta(minutes=5)
    LatenessMinute.objects.create(minute=old, worst_seconds=1)
    due.tick(rung=True)
    due.tick(rung=True)

    assert sum(LatenessMinute.objects.values_list("ticks", flat=True)) == 2
    assert not LatenessMinute.objects.filter(minute=old).exists()


def test_what_waits_is_told_by_source(client, administrator, chain):
    chain.declare(2, at=due.database_now() - timedelta(seconds=2))

    assert "Escalations 1" in words(client.get("/engine/now/"))


def test_a_failed_message_is_sent_again_as_a_delivery_of_its_own(client, manager, chain, failed, settings):
    settings.SANDBOX = True
    client.force_login(manager)
    assert "550 no such mailbox" in words(client.get(ENGINE))

    page = words(post(client, "engine-retry", failed.pk))

    fresh = Delivery.objects.get(retry_of=failed)
    assert (fresh.state, fresh.asked_by, fresh.page) == (DeliveryState.PENDING, manager, failed.page)
    assert "It is sent again." in page
    assert "Nothing failed in the last 24 hours" in page
    line = TimelineEntry.objects.filter(actor=manager).latest("seq")
    assert line.text == "E-mail to Ada is sent again by hand."
    sending.send_due(Channel.EMAIL, at=due.database_now())
    assert Attempt.objects.filter(delivery=fresh, outcome="delivered").count() == 1
    failed.refresh_from_db()
    assert failed.state == DeliveryState.FAILED


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda chain, row: Delivery.objects.filter(pk=row.pk).update(state="delivered"), "nothing to repeat"),
        (lambda chain, row: type(chain.ada).objects.filter(pk=chain.ada.pk).update(is_active=False), "not active"),
        (lambda chain, row: chain.ada.contact_methods.update(verified_at=None), "cannot be reached there"),
        (lambda chain, row: type(row.page).objects.update(ended_at=row.created_at), "Nobody wants an answer"),
    ],
)
def test_a_message_that_nobody_wants_or_that_did_not_fail_is_not_repeated(client, manager, chain, failed, spoil, said):
    client.force_login(manager)
    spoil(chain, failed)

    assert said in words(post(client, "engine-retry", failed.pk))
    assert not Delivery.objects.filter(retry_of=failed).exists()


def test_a_message_is_sent_again_once_however_often_one_presses(client, manager, failed):
    client.force_login(manager)
    post(client, "engine-retry", failed.pk)

    assert "sent again already" in words(post(client, "engine-retry", failed.pk))
    assert Delivery.objects.filter(retry_of=failed).count() == 1


def test_managers_of_other_teams_neither_send_nor_see_what_is_private(client, failed):
    stranger = MembershipFactory(is_manager=True).user
    client.force_login(stranger)

    assert "Send again" not in words(client.get(ENGINE))
    assert post(client, "engine-retry", failed.pk).status_code == 403
    Incident.objects.update(private=True)
    assert "550 no such mailbox" not in words(client.get(ENGINE))
    assert post(client, "engine-retry", failed.pk).status_code == 404
    assert not Delivery.objects.filter(retry_of=failed).exists()


def test_a_held_message_is_let_go_by_hand(client, manager, chain, failed):
    until = due.database_now() + timedelta(hours=3)
    why = "held until Tue 07:00 UTC: quiet hours"
    Delivery.objects.filter(pk=failed.pk).update(state=DeliveryState.PENDING, not_before=until, error=why)
    client.force_login(manager)
    assert why in words(client.get(ENGINE))

    assert "It goes out now." in words(post(client, "engine-send-now", failed.pk))

    failed.refresh_from_db()
    assert failed.not_before < until
    assert (failed.error, failed.asked_by) == ("", manager)


def test_a_run_in_back_off_shows_its_error_and_is_tried_at_once(client, manager, chain):
    incident = chain.declare(2, at=due.database_now() - timedelta(seconds=2))
    EscalationStep.objects.filter(run__incident=incident).update(targets=[{"kind": "rank"}])
    due.tick(rung=True)
    run = Escalation.objects.get(incident=incident)
    Escalation.objects.update(not_before=due.database_now() + timedelta(minutes=1))
    EscalationStep.objects.filter(run=run).update(targets=[{"kind": "on_call"}])
    client.force_login(manager)
    assert f"Escalation of {incident.ref}" in words(client.get(ENGINE))
    assert "'rank'" in words(client.get(ENGINE))

    assert "It is tried again now." in words(post(client, "engine-try-now", "run", run.pk))
    due.tick(rung=True)

    assert list(incident.pages.values_list("person", flat=True)) == [chain.ada.pk]
    assert "No row rests" in words(client.get(ENGINE))
    assert "does not rest any more" in words(post(client, "engine-try-now", "run", run.pk))


def test_setbacks_are_tried_again_by_administrators_alone(client, manager, administrator):
    at = due.database_now()
    back = Setback.objects.create(
        source="notices", row=1, attempts=3, last_error="too long", since=at, not_before=at + timedelta(minutes=1)
    )
    assert "Notices, row 1" in words(client.get(ENGINE))
    assert "It is tried again now." in words(post(client, "engine-try-now", "setback", back.pk))
    client.force_login(manager)

    assert "Notices, row 1" not in words(client.get(ENGINE))
    assert post(client, "engine-try-now", "setback", back.pk).status_code == 403
    assert post(client, "engine-try-now", "nonsense", back.pk).status_code == 404


def test_providers_show_what_they_said_and_until_when_they_rest(client, administrator):
    at = due.database_now()
    Provider.objects.create(name="twilio", failures=5, last_error="503", rests_until=at + timedelta(minutes=1))
    Provider.objects.create(name="smtp", worked_at=at)

    page = words(client.get(ENGINE))

    assert "twilio left alone until" in page
    assert "smtp works" in page


def test_everybody_is_told_in_red_that_the_engine_is_late(client):
    client.force_login(UserFactory())
    EngineBeat.objects.update(ticked_at=due.database_now(), oldest_due_seconds=31)

    page = client.get("/me/").content.decode()

    assert '<p class="banner alarm" role="status">' in page
    assert "The paging engine is 31 s late." in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_for_one_and_three(client, administrator, chain, count, django_assert_max_num_queries):
    for _ in range(count):
        chain.declare(2, at=due.database_now() - timedelta(seconds=2))
    due.tick(rung=True)
    Delivery.objects.exclude(canary__isnull=False).update(state=DeliveryState.FAILED)
    for number in range(count):
        Setback.objects.create(source="notices", row=number, since=due.database_now(), not_before=due.database_now())

    with django_assert_max_num_queries(len(due.SOURCES) + 30):
        client.get(ENGINE)


def test_the_api_tells_the_same_and_sends_again(chain, failed, manager):
    caller = Caller(manager)

    told = caller.get("engine").json()

    assert [row["error"] for row in told["failed"]] == ["550 no such mailbox"]
    assert {row["source"] for row in told["backlog"]} >= {"raw_events", "escalations", "deliveries"}
    again = caller.post(f"engine/deliveries/{failed.pk}/retry").json()
    assert (again["state"], again["incident"]) == ("pending", failed.page.incident.number)
    assert caller.post(f"engine/deliveries/{failed.pk}/retry").status_code == 409
    assert Caller(manager, Scope.READ).post(f"engine/deliveries/{failed.pk}/retry").status_code == 403
    assert Caller(chain.ada).get("engine").status_code == 403
    assert Notice.objects.count() == 0
