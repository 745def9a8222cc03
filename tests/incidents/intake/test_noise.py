"""Alert noise: what flaps reopens its incident, and beyond a limit alerts gather in one storm incident."""

from datetime import timedelta

import pytest

from incidents.models import Alert, Incident
from tests.incidents.intake.senders import event_of, firing, post_of

pytestmark = pytest.mark.django_db


def flap(integration, within):
    integration.reopen_within = within
    integration.save()


def limit(integration, number):
    integration.service.alert_limit = number
    integration.service.save()


def test_an_alert_that_comes_back_soon_reopens_its_incident(pagerduty, take):
    flap(pagerduty, timedelta(minutes=5))
    take(pagerduty, event_of())
    take(pagerduty, event_of("resolve"))

    [raw] = take(pagerduty, event_of())

    incident = Incident.objects.get()
    assert incident.is_open
    assert raw.outcome == {"opened": 1, "reopened": 1, "incidents": [incident.ref]}
    assert set(Alert.objects.values_list("incident", flat=True)) == {incident.pk}
    assert "It came back soon" in incident.timeline.get(kind="reopened").text


def test_an_alert_that_flaps_within_one_set_reopens_its_incident_too(pagerduty, take):
    flap(pagerduty, timedelta(minutes=5))

    take(pagerduty, event_of(), event_of("resolve"), event_of())

    incident = Incident.objects.get()
    assert incident.is_open
    assert Alert.objects.get(status="open").incident == incident


def test_an_alert_that_comes_back_later_opens_a_new_incident(pagerduty, take):
    flap(pagerduty, timedelta(minutes=5))
    take(pagerduty, event_of())
    take(pagerduty, event_of("resolve"))
    Incident.objects.update(resolved_at=Incident.objects.get().resolved_at - timedelta(minutes=6))

    take(pagerduty, event_of())

    assert Incident.objects.count() == 2


def test_o41_beyond_its_limit_a_service_gathers_alerts_in_one_storm_incident(pagerduty, take):
    limit(pagerduty, 2)

    take(pagerduty, *(event_of(dedup_key=f"db-{number}") for number in range(6)))

    assert Incident.objects.count() == 3
    storm = Incident.objects.get(group_key="alert storm")
    assert storm.alerts.count() == 4
    assert "Alert storm" in storm.title


def test_o41_a_p0_is_never_put_into_the_storm(alertmanager, take):
    limit(alertmanager, 1)
    take(alertmanager, post_of(firing("A"), group="a"))

    take(alertmanager, post_of(firing("B", severity="fatal"), group="b"))

    assert Incident.objects.get(title="B is firing").severity_id == 0


def test_the_storm_is_over_with_the_last_of_its_alerts(pagerduty, take):
    limit(pagerduty, 1)
    take(pagerduty, event_of(dedup_key="a"), event_of(dedup_key="b"), event_of(dedup_key="c"))

    take(pagerduty, event_of("resolve", dedup_key="b"), event_of("resolve", dedup_key="c"))

    assert not Incident.objects.get(group_key="alert storm").is_open
    assert Incident.objects.exclude(group_key="alert storm").get().is_open
