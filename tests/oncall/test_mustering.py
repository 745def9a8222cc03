"""All hands of a P0: who is called, the roll-call, what happens by itself, who may go."""

import pytest

from incidents import lifecycle, mustering
from incidents.models import Muster
from oncall.models import Act, Page
from tests.api_caller import Caller
from tests.factories import MembershipFactory, ServiceFactory, TeamFactory
from tests.oncall.conftest import after, reachable, settle

pytestmark = pytest.mark.django_db


def paged(incident):
    return sorted(Page.objects.filter(incident=incident, act=Act.PAGE).values_list("person__name", flat=True))


def roll(caller, incident):
    lines = caller.get(f"incidents/{incident.number}/muster").json()["roll_call"]
    return {line["person"]: line["state"] for line in lines}


def test_i17_r19_only_the_teams_of_affected_services_are_called_and_the_roll_call_tells_what_became_of_each(chain):
    other, stranger = reachable("Ola"), reachable("Sam")
    database = ServiceFactory(team=TeamFactory(name="Database"))
    MembershipFactory(team=database.team, user=other)
    MembershipFactory(team=TeamFactory(name="Strangers"), user=stranger)
    incident = chain.declare(0, affected_services=(database,))
    settle(seconds=1)
    lifecycle.join(incident, by=chain.lea, at=after(seconds=30))
    caller = Caller(chain.lea)

    mustering.call(incident, by=chain.lea, at=after(minutes=1))

    assert set(paged(incident)) == {"Ada", "Eli", "Ola"}
    assert roll(caller, incident) == {
        chain.ada.email: "called",
        chain.lea.email: "joined",
        chain.eli.email: "called",
        other.email: "called",
    }
    assert caller.post(f"incidents/{incident.number}/muster/release", person=other.email).status_code == 200
    assert roll(caller, incident)[other.email] == "released"
    assert Page.objects.get(incident=incident, person=other, act=Act.PAGE).ended_at
    assert caller.post(f"incidents/{incident.number}/muster/release").json()["ended_at"]


def test_c17_all_hands_come_by_themselves_after_five_minutes_of_a_p0(chain):
    incident = chain.declare(0)

    settle(minutes=4, seconds=59)
    assert not Muster.objects.exists()
    settle(minutes=5, seconds=1)

    assert Muster.objects.get().by is None
    assert paged(incident) == ["Ada", "Eli", "Lea"]


def test_c17_a_commander_declines_with_a_reason_and_nobody_is_called(chain):
    incident, caller = chain.declare(0), Caller(chain.lea)
    path = f"incidents/{incident.number}/muster/decline"

    assert caller.post(path, reason="").status_code == 422
    answer = caller.post(path, reason="Two people can do it").json()
    settle(minutes=6)

    assert (answer["declined_because"], answer["comes_at"]) == ("Two people can do it", None)
    assert "Eli" not in paged(incident)


def test_c17_once_mitigated_nobody_is_called_by_itself(chain):
    incident = chain.declare(0)
    lifecycle.mitigate(incident, what="rolled back", by=chain.lea, at=after(minutes=3))

    settle(minutes=6)

    assert not Muster.objects.exists()


def test_an_acknowledgement_does_not_send_all_hands_home(chain):
    incident = chain.declare(0)
    settle(minutes=5, seconds=1)

    lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=6))

    assert Page.objects.get(incident=incident, person=chain.eli, act=Act.PAGE).ended_at is None


def test_the_card_counts_down_and_shows_the_roll_call(client, chain):
    incident = chain.declare(0)
    client.force_login(chain.lea)
    url = f"/incidents/{incident.number}/muster/card/"

    assert "unless you decide before" in client.get(url).content.decode()
    client.post(f"/incidents/{incident.number}/muster/")

    card = client.get(url).content.decode()
    assert "Payments" in card
    assert "Release everybody" in card
    assert "Eli" in card


def test_the_roll_call_of_a_private_incident_does_not_exist_for_outsiders(chain):
    incident = chain.declare(0, private=True)

    assert Caller(chain.eli).get(f"incidents/{incident.number}/muster").status_code == 404
