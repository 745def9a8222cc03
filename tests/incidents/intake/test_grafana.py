"""Grafana's webhook."""

import pytest

from incidents.intake import grafana
from incidents.intake.reading import Refused
from incidents.models import Alert, Incident
from tests.factories import IntegrationFactory
from tests.incidents.intake.senders import firing, post_of, resolved

pytestmark = pytest.mark.django_db


@pytest.fixture
def panels(db):
    return IntegrationFactory(kind="grafana", name="Grafana")


def sent(*alerts, **more):
    post = post_of(*alerts, group='{}/{severity="critical"}:{alertname="HighLatency"}') | {"version": "1", "orgId": 1}
    return post | {"externalURL": "http://grafana.example.com/"} | more


def test_an_alert_of_grafana_opens_and_ends_an_incident(panels, take):
    links = {"dashboardURL": "http://grafana.example.com/d/1", "panelURL": "http://grafana.example.com/d/1?viewPanel=2"}

    take(panels, sent(firing() | links | {"valueString": "[ var='A' value=12 ]"}))
    alert = Alert.objects.get()
    take(panels, sent(resolved()))

    assert [link["text"] for link in alert.links] == ["Dashboard", "Panel", "Alert rule", "Grafana"]
    assert alert.dedup_key == "print-of-HighLatency"
    assert not Incident.objects.get().is_open


def test_left_out_alerts_forbid_to_say_that_all_is_over(panels, take):
    take(panels, sent(firing()))

    take(panels, sent(resolved(), truncatedAlerts=3))

    assert Incident.objects.get().is_open


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"alerts": [], "version": "4"}'])
def test_what_is_no_post_of_grafana_is_refused(body):
    with pytest.raises(Refused) as refusal:
        grafana.check(body)

    assert refusal.value.status == 422
