"""Routes by label: the first that fits chooses service, severity, policy and group; why an event went where it went."""

import pytest

from incidents import due, routing
from incidents.intake import explaining
from incidents.models import Alert, Incident, Route, Severity
from incidents.refusals import Invalid, NotAllowed
from oncall.models import Escalation
from tests.factories import AdministratorFactory, EscalationPolicyFactory, ServiceFactory, UserFactory
from tests.incidents.intake.senders import firing, post_of, resolved

pytestmark = pytest.mark.django_db


@pytest.fixture
def root():
    return AdministratorFactory()


@pytest.fixture
def ledger():
    return ServiceFactory(name="Ledger")


def add(integration, by, **wanted):
    return routing.save(integration, routing.Wanted(**{"name": "Route"} | wanted), by=by, at=due.database_now())


def test_the_first_route_that_fits_chooses_the_service(alertmanager, root, ledger, take):
    add(alertmanager, root, name="Web", conditions="team = web", service=ServiceFactory())
    add(alertmanager, root, name="Ledger", conditions="team ~ led*", service=ledger)
    add(alertmanager, root, name="All", service=ServiceFactory())

    [raw] = take(alertmanager, post_of(firing(team="ledger")))

    assert Incident.objects.get().service == Alert.objects.get().service == ledger
    assert raw.outcome["routes"] == ["Ledger"]


def test_what_fits_no_route_belongs_to_the_integrations_own_service(alertmanager, root, ledger, take):
    add(alertmanager, root, conditions="team = ledger", service=ledger)
    add(alertmanager, root, service=ledger, is_active=False)

    take(alertmanager, post_of(firing(team="web")))

    assert Incident.objects.get().service == alertmanager.service


def test_one_post_may_go_to_several_services(alertmanager, root, ledger, take):
    add(alertmanager, root, conditions="team = ledger", service=ledger)

    take(alertmanager, post_of(firing("A", team="ledger"), firing("B", team="web")))

    assert set(Incident.objects.values_list("service", flat=True)) == {ledger.pk, alertmanager.service_id}


def test_a_route_says_severity_and_policy_whatever_the_source_says(alertmanager, root, take):
    policy = EscalationPolicyFactory(slug="night-crew", name="Night crew")
    add(alertmanager, root, severity=Severity.objects.get(level=3), policy="night-crew")

    take(alertmanager, post_of(firing(severity="critical")))

    incident = Incident.objects.get()
    assert (incident.severity_id, incident.severity_assumed, incident.policy) == (3, False, "night-crew")
    assert Escalation.objects.get().policy_name == policy.name


def test_a_route_groups_by_labels(alertmanager, root, take):
    add(alertmanager, root, group_by="cluster")

    take(
        alertmanager,
        post_of(firing("A", cluster="eu"), group="a"),
        post_of(firing("B", cluster="eu"), group="b"),
        post_of(firing("C", cluster="us"), group="b"),
    )

    assert sorted(incident.alerts.count() for incident in Incident.objects.all()) == [1, 2]


def test_an_alert_ends_where_it_opened_though_the_routes_have_changed(alertmanager, root, ledger, take):
    row = add(alertmanager, root, service=ledger)
    take(alertmanager, post_of(firing()))
    routing.remove(alertmanager, row.pk, by=root, at=due.database_now())

    take(alertmanager, post_of(resolved()))

    assert not Incident.objects.get(service=ledger).is_open


def test_routes_change_places(alertmanager, root):
    first, second = add(alertmanager, root, name="A"), add(alertmanager, root, name="B")

    routing.move(alertmanager, second.pk, up=True, by=root, at=due.database_now())
    routing.move(alertmanager, second.pk, up=True, by=root, at=due.database_now())

    assert [row.name for row in routing.of(alertmanager)] == ["B", "A"]
    assert first.name == "A"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [({"name": " "}, "name"), ({"conditions": "x"}, "conditions"), ({"policy": "nobody"}, "policy")],
)
def test_a_route_that_cannot_be_is_refused(alertmanager, root, wanted, field):
    with pytest.raises(Invalid) as refusal:
        add(alertmanager, root, **wanted)

    assert refusal.value.field == field
    assert not Route.objects.exists()


def test_routes_are_for_managers(alertmanager):
    with pytest.raises(NotAllowed):
        add(alertmanager, UserFactory())


def test_a_draft_is_tried_on_the_newest_alerts_and_saves_nothing(alertmanager, root, ledger, take):
    take(alertmanager, post_of(firing("A", team="ledger"), firing("B", team="web")))
    wanted = routing.Wanted("Ledger", conditions="team = ledger", service=ledger)

    ways = routing.try_out(alertmanager, routing.drafted(alertmanager, wanted, []), root)

    assert {way.alert.labels["team"]: (way.service, way.same) for way in ways} == {
        "ledger": (ledger, False),
        "web": (alertmanager.service, True),
    }
    assert not Route.objects.exists()


def test_an_event_is_explained_route_by_route(alertmanager, root, ledger, take):
    add(alertmanager, root, name="Web", conditions="team = web", service=ServiceFactory())
    add(alertmanager, root, name="Ledger", conditions="team = ledger", service=ledger)
    [raw] = take(alertmanager, post_of(firing(team="ledger")))

    [told] = explaining.explain(raw).told

    assert [(step.route.name, step.chosen, [str(line) for line in step.failed]) for step in told.steps] == [
        ("Web", False, ["team = web"]),
        ("Ledger", True, []),
    ]
    assert (told.service, told.alert, told.severity.level) == (ledger, Alert.objects.get(), 1)


def test_an_event_that_nobody_can_read_is_explained_too(alertmanager, take):
    [raw] = take(alertmanager, b"no json")

    assert raw.rejected_because
    assert "JSON" in explaining.explain(raw).unreadable
