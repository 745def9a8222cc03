"""Maintenance and silences: what comes in is stored, pages nobody, and pages like new at the end."""

from datetime import timedelta

import pytest

from incidents import due, maintenance, silencing
from incidents.intake import releasing
from incidents.models import Alert, Incident
from incidents.refusals import Invalid, NotAllowed, TransitionError
from tests.factories import AdministratorFactory, IntegrationFactory, MembershipFactory, UserFactory
from tests.incidents.intake.senders import event_of, firing, post_of, process, resolved, store

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def root():
    return AdministratorFactory()


def window(integration, root, *, length=HOUR):
    at = due.database_now()
    return maintenance.plan(title="Upgrade", services=[integration.service], start=at, end=at + length, by=root, at=at)


def silence(integration, by, text="", *, length=HOUR):
    at = due.database_now()
    return silencing.silence(
        service=integration.service, conditions_text=text, reason="Known", end=at + length, by=by, at=at
    )


def test_an_alert_in_maintenance_is_stored_and_pages_nobody(alertmanager, root, take):
    row = window(alertmanager, root)

    [raw] = take(alertmanager, post_of(firing()))

    alert = Alert.objects.get()
    assert (alert.incident, alert.held_until, alert.held_because) == (None, row.end, "Maintenance: Upgrade")
    assert raw.outcome == {"opened": 1, "held back": 1}
    assert not Incident.objects.exists()


def test_what_still_fires_at_the_end_opens_an_incident_detected_then(alertmanager, root, take):
    row = window(alertmanager, root)
    take(alertmanager, post_of(firing(), firing("Other")))

    assert not releasing.do(row.end - timedelta(seconds=1)).rows
    assert releasing.do(row.end).rows == 2

    incident = Incident.objects.get()
    assert (incident.detected_at, incident.alerts.count()) == (row.end, 2)
    assert set(Alert.objects.values_list("held_until", flat=True)) == {None}
    assert not releasing.do(row.end + HOUR).rows


def test_what_is_over_before_the_end_opens_nothing(alertmanager, root, take):
    row = window(alertmanager, root)
    take(alertmanager, post_of(firing()))
    take(alertmanager, post_of(resolved()))

    assert not releasing.do(row.end).rows
    assert not Incident.objects.exists()


def test_a_repeat_of_an_alert_that_is_held_back_is_counted_and_still_pages_nobody(pagerduty, root, take):
    window(pagerduty, root)

    take(pagerduty, event_of(), event_of())

    assert Alert.objects.get().count == 2
    assert not Incident.objects.exists()


def test_other_services_page_as_ever(pagerduty, alertmanager, root, take):
    window(pagerduty, root)

    take(alertmanager, post_of(firing()))

    assert Incident.objects.get().service == alertmanager.service


def test_a_second_window_takes_over_at_the_end_of_the_first(pagerduty, root, take):
    first = window(pagerduty, root)
    take(pagerduty, event_of())
    at = due.database_now()
    second = maintenance.plan(
        title="More", services=[pagerduty.service], start=first.end, end=first.end + HOUR, by=root, at=at
    )

    assert releasing.do(first.end).rows == 1

    alert = Alert.objects.get()
    assert (alert.incident, alert.held_until, alert.held_because) == (None, second.end, "Maintenance: More")


def test_maintenance_that_is_ended_early_lets_alerts_page_at_once_and_keeps_its_true_end(pagerduty, root, take):
    row = window(pagerduty, root)
    take(pagerduty, event_of())
    at = due.database_now()

    came = maintenance.end(row, by=root, at=at)

    row.refresh_from_db()
    assert (came, row.end, row.cancelled_at) == ("ended", at, None)
    assert releasing.do(at).rows == 1
    assert Incident.objects.get().detected_at == at
    with pytest.raises(TransitionError):
        maintenance.end(row, by=root, at=at + HOUR)


def test_maintenance_that_has_not_begun_is_called_off(pagerduty, root):
    at = due.database_now()
    service = pagerduty.service
    row = maintenance.plan(title="Later", services=[service], start=at + HOUR, end=at + 2 * HOUR, by=root, at=at)

    assert maintenance.end(row, by=root, at=at) == "called off"

    row.refresh_from_db()
    assert (row.end, row.cancelled_at) == (at + 2 * HOUR, at)


def test_a_window_made_shorter_lets_go_earlier(pagerduty, root, take):
    row = window(pagerduty, root)
    take(pagerduty, event_of())
    at = due.database_now()
    end = at + timedelta(minutes=5)

    maintenance.change(row, title="Upgrade", services=[pagerduty.service], start=row.start, end=end, by=root, at=at)
    due.settle(at)

    assert Alert.objects.get().held_until == end


def test_a_silence_holds_back_what_fits_and_nothing_else(alertmanager, root, take):
    silence(alertmanager, root, "alertname ~ Disk*")

    take(alertmanager, post_of(firing("DiskFull"), group="a"), post_of(firing("Down"), group="b"))

    assert Incident.objects.get().title == "Down is firing"
    assert Alert.objects.get(held_until__isnull=False).held_because == "Silence: Known"


def test_a_silence_with_conditions_that_cannot_be_read_is_refused(pagerduty, root):
    with pytest.raises(Invalid, match="Line 1"):
        silence(pagerduty, root, "nonsense")


@pytest.mark.parametrize("length", [timedelta(0), timedelta(days=7, seconds=1)])
def test_a_silence_has_an_end_within_a_week(pagerduty, root, length):
    with pytest.raises(Invalid):
        silence(pagerduty, root, length=length)


def test_members_silence_what_their_team_owns_and_nothing_else(pagerduty):
    member = MembershipFactory(team=pagerduty.service.team).user

    assert silence(pagerduty, member)
    with pytest.raises(NotAllowed):
        silence(IntegrationFactory(), member)


def test_maintenance_is_for_managers_of_all_owning_teams(pagerduty):
    manager = MembershipFactory(team=pagerduty.service.team, is_manager=True).user
    other = IntegrationFactory()

    assert window(pagerduty, manager)
    with pytest.raises(NotAllowed):
        window(other, manager)
    with pytest.raises(NotAllowed):
        window(pagerduty, UserFactory())


def test_an_incident_that_is_open_goes_on_in_maintenance(pagerduty, root, take):
    take(pagerduty, event_of())
    window(pagerduty, root)

    take(pagerduty, event_of("resolve"))

    assert not Incident.objects.get().is_open


def test_ticks_release_alerts_through_the_registered_source(pagerduty, root):
    row = window(pagerduty, root)
    store(pagerduty, event_of())
    process()

    due.settle(row.end)

    assert Incident.objects.get().alerts.get().status == "open"
