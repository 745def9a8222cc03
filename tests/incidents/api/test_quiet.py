"""Maintenance and silences over the API."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api_caller import administrator, fields_of, responder
from tests.factories import MembershipFactory, ServiceFactory

pytestmark = pytest.mark.django_db


def z(hours):
    return (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def test_maintenance_is_planned_changed_and_called_off():
    ServiceFactory(slug="ledger")
    caller = administrator()
    said = {"title": "Upgrade", "services": ["ledger"], "start": z(1), "end": z(2)}

    made = caller.post("maintenance", **said)
    changed = caller.put(f"maintenance/{made.json()['id']}", **said | {"title": "Upgrade of Postgres", "end": z(3)})
    ended = caller.post(f"maintenance/{made.json()['id']}/end")

    assert (made.status_code, made.json()["state"], made.json()["services"]) == (201, "upcoming", ["ledger"])
    assert changed.json()["title"] == "Upgrade of Postgres"
    assert ended.json()["state"] == "cancelled"
    assert caller.post(f"maintenance/{made.json()['id']}/end").status_code == 409
    assert responder().get("maintenance").json()["items"] == [ended.json()]


def test_maintenance_that_cannot_be_is_refused():
    ServiceFactory(slug="ledger")
    said = {"title": "Upgrade", "services": ["ledger"], "start": z(1), "end": z(2)}

    assert fields_of(administrator().post("maintenance", **said | {"end": z(-1)})) == ["end"]
    assert fields_of(administrator().post("maintenance", **said | {"services": ["nobody"]})) == ["services.0"]
    assert responder().post("maintenance", **said).status_code == 403


def test_a_silence_is_made_by_a_member_and_ended():
    service = ServiceFactory(slug="ledger")
    caller = responder()
    said = {"service": "ledger", "conditions": "host ~ web-*", "end": z(1), "reason": "Known"}
    assert caller.post("silences", **said).status_code == 403
    MembershipFactory(team=service.team, user=caller.person)

    made = caller.post("silences", **said)
    ended = caller.post(f"silences/{made.json()['id']}/end")

    assert (made.status_code, made.json()["state"], made.json()["conditions"]) == (201, "running", "host ~ web-*")
    assert ended.json()["state"] == "over"
    assert caller.get(f"silences/{made.json()['id']}").json() == ended.json()
    assert fields_of(caller.post("silences", **said | {"conditions": "nonsense"})) == ["conditions"]
