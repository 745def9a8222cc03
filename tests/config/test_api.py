"""The API as a whole: what is served is what is described, and no input breaks it."""

import json

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as given_with
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.api import api
from config.wsgi import application
from incidents.models import Incident, Scope
from postmortems import drafting
from tests.api_caller import Caller
from tests.factories import AdministratorFactory, ContactMethodFactory, ScheduleFactory, ServiceFactory

EXAMPLES = 10  # of each call, fitting ones and broken ones alike
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
DEEDS = ("acknowledge", "join", "mitigate", "resolve", "reopen", "close", "decline", "severity", "escalate")
HOLDING = ("unacknowledge", "snooze", "unsnooze", "apply-policy")
DUE = {
    "/users": {"get", "post"},
    "/users/{email}": {"get"},
    "/users/{email}/contact-methods": {"get", "post"},
    "/users/{email}/contact-methods/{number}": {"delete"},
    "/users/{email}/contact-methods/{number}/code": {"post"},
    "/users/{email}/contact-methods/{number}/test": {"post"},
    "/users/{email}/contact-methods/{number}/verify": {"post"},
    "/teams": {"get", "post"},
    "/teams/{slug}": {"get"},
    "/services": {"get", "post"},
    "/services/{slug}": {"get"},
    "/integrations": {"get", "post"},
    "/integrations/{number}/routes": {"get", "put"},
    "/integrations/{number}/routes/try": {"post"},
    "/heartbeats": {"get"},
    "/heartbeats/{number}": {"put"},
    "/events": {"get"},
    "/events/{number}": {"get"},
    "/maintenance": {"get", "post"},
    "/maintenance/{number}": {"get", "put"},
    "/maintenance/{number}/end": {"post"},
    "/silences": {"get", "post"},
    "/silences/{number}": {"get"},
    "/silences/{number}/end": {"post"},
    "/assessment": {"get", "post"},
    "/incidents/{number}/muster": {"get", "post"},
    "/incidents/{number}/muster/decline": {"post"},
    "/incidents/{number}/muster/release": {"post"},
    "/incidents/{number}/assessment": {"post"},
    "/incidents/{number}/proposals": {"get"},
    "/incidents/{number}/severity/undo": {"post"},
    "/incidents/{number}/cadence": {"post"},
    "/incidents/{number}/updates": {"get", "post"},
    "/incidents/{number}/checklist": {"get"},
    "/incidents/{number}/checklist/{item}": {"put"},
    "/incidents/{number}/runbooks": {"get"},
    "/incidents/{number}/runbooks/{runbook}/steps": {"put"},
    "/runbooks": {"get", "post"},
    "/runbooks/{runbook}": {"put"},
    "/incidents/{number}/decisions": {"get", "post"},
    "/incidents/{number}/decisions/{decision}/objections": {"post"},
    "/incidents/{number}/decisions/{decision}/{answer}": {"post"},
    "/incidents/{number}/actions": {"get", "post"},
    "/incidents/{number}/actions/{action}": {"post"},
    "/incidents/{number}/tasks": {"get", "post"},
    "/incidents/{number}/tasks/{task}": {"get", "patch"},
    "/incidents/{number}/tasks/{task}/{ending}": {"post"},
    "/incidents/{number}/command": {"post"},
    "/incidents/{number}/handovers/{handover}/{answer}": {"post"},
    "/incidents/{number}/roles": {"get"},
    "/incidents/{number}/roles/{role}": {"put"},
    "/incidents/{number}/roles/{role}/handover": {"post"},
    "/incidents/{number}/working-on": {"put"},
    "/schedules": {"get", "post"},
    "/schedules/{slug}": {"get", "patch"},
    "/schedules/{slug}/oncall": {"get"},
    "/schedules/{slug}/final": {"get"},
    "/schedules/{slug}/preview": {"post"},
    "/schedules/{slug}/needs": {"get"},
    "/schedules/{slug}/overrides": {"get", "post"},
    "/schedules/{slug}/overrides/{number}": {"delete"},
    "/schedules/{slug}/temporary-schedules": {"get", "post"},
    "/schedules/{slug}/temporary-schedules/{number}": {"put", "delete"},
    "/schedules/{slug}/swaps": {"get", "post"},
    "/swaps/{number}": {"get"},
    "/swaps/{number}/take": {"post"},
    "/swaps/{number}/cancel": {"post"},
    "/users/{email}/leave": {"get", "post"},
    "/users/{email}/leave/{number}": {"delete"},
    "/escalation-policies": {"get", "post"},
    "/escalation-policies/{slug}": {"get", "patch"},
    "/incidents": {"get", "post"},
    "/incidents/{number}": {"get"},
    "/incidents/{number}/watchers": {"get"},
    "/incidents/{number}/watch": {"put", "delete"},
    "/subscriptions": {"get", "post"},
    "/subscriptions/{pk}": {"delete"},
    "/incidents/{number}/merge": {"post"},
    "/incidents/{number}/unmerge": {"post"},
    "/incidents/{number}/split": {"post"},
    "/incidents/{number}/related": {"get"},
    "/incidents/{number}/related/{other}": {"put", "delete"},
    "/incidents/{number}/timeline": {"get", "post"},
    "/incidents/{number}/timeline/{seq}": {"patch"},
    "/incidents/{number}/timeline/{seq}/history": {"get"},
    "/incidents/{number}/timeline/{seq}/pin": {"put"},
    "/incidents/{number}/evidence/{file}": {"get"},
    "/incidents/{number}/pages": {"get"},
    "/incidents/{number}/escalation": {"get"},
    "/incidents/{number}/clocks": {"get"},
    "/postmortems": {"get"},
    "/incidents/{number}/before": {"get"},
    "/postmortems/{number}": {"get"},
    "/postmortems/{number}/sections/{key}": {"patch"},
    "/postmortems/{number}/whys": {"get", "post", "patch"},
    "/postmortems/{number}/whys/{pk}": {"patch", "delete"},
    "/postmortems/{number}/whys/{pk}/restore": {"post"},
    "/postmortems/{number}/whys/{pk}/therefore": {"put"},
    "/postmortems/{number}/whys/{pk}/evidence": {"post"},
    "/postmortems/{number}/evidence/{pk}": {"delete"},
    "/postmortems/{number}/therefore": {"get"},
    "/postmortems/{number}/publication": {"get"},
    "/postmortems/{number}/review": {"post"},
    "/postmortems/{number}/review/answer": {"post"},
    "/postmortems/{number}/publish": {"post"},
    "/postmortems/{number}/comments": {"get", "post"},
    "/postmortems/{number}/external-summary": {"get", "put"},
    "/comments/{pk}/replies": {"post"},
    "/comments/{pk}/resolve": {"post"},
    "/comments/{pk}/reopen": {"post"},
    "/action-items": {"get", "post"},
    "/action-items/{pk}": {"get", "patch"},
    "/action-items/{pk}/issue": {"get", "post"},
    "/simulate": {"get"},
    "/engine": {"get"},
    "/engine/deliveries/{number}/retry": {"post"},
    "/engine/deliveries/{number}/send-now": {"post"},
    "/users/{email}/notification-rules": {"get", "put"},
    "/users/{email}/reachability": {"get", "put"},
    **{f"/incidents/{{number}}/{deed}": {"post"} for deed in (*DEEDS, *HOLDING)},
}


@pytest.fixture
def world(db):
    """One row of each kind, known by the names below, and an administrator's token."""
    caller = Caller(AdministratorFactory(email="amira@example.com"), Scope.ADMIN)
    ContactMethodFactory(user=caller.person)
    service = ServiceFactory(slug="known", team__slug="known")
    ScheduleFactory(slug="known", team=service.team, people=[caller.person])
    caller.post(
        "escalation-policies", slug="known", name="Known", service="known", levels=[{"targets": [{"on_call": True}]}]
    )
    caller.number = caller.post("incidents", title="x", service="known", severity="P1").json()["number"]
    drafting.draft(Incident.objects.get(), at=timezone.now())
    caller.pk = caller.post(f"postmortems/{caller.number}/whys", answer="x").json()["id"]
    return caller


def test_every_call_that_is_due_is_described(client):
    paths = client.get("/api/v1/openapi.json").json()["paths"]

    assert {path.removeprefix("/api/v1"): set(methods) for path, methods in paths.items()} == DUE


def test_every_call_describes_its_refusals(client):
    paths = client.get("/api/v1/openapi.json").json()["paths"]

    for path, methods in paths.items():
        for method, call in methods.items():
            refusals = {"401", "403", "404", "422"} | ({"400", "409", "413"} if method != "get" else set())
            assert set(call["responses"]) >= refusals, (method, path)
            assert call["security"] == [{"Bearer": []}]
            assert call["summary"]


@pytest.fixture
def one_connection():
    """Keep the test's transaction open across requests, as Django's own test client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def cases():
    """Every call as schemathesis reads it from the served description, with fitting input and with broken input."""
    served = json.loads(json.dumps(api.get_openapi_schema(path_prefix="api/v1/")))
    for methods in served["paths"].values():
        for call in methods.values():
            del call["security"]  # the token is always sent: no case is broken by leaving it out
    described = schemathesis.openapi.from_dict(served)
    described.app = application
    for found in described.get_all_operations():
        operation = found.ok()
        call = operation.definition.raw
        yield pytest.param(operation, GenerationMode.POSITIVE, id=f"{operation.label} fitting")
        if "requestBody" in call or any(one["schema"].get("type") != "string" for one in call["parameters"]):
            yield pytest.param(operation, GenerationMode.NEGATIVE, id=f"{operation.label} broken")


@pytest.mark.parametrize(("operation", "mode"), list(cases()))
def test_whatever_is_sent_gets_an_answer_that_was_promised(operation, mode, world, one_connection, settings):
    settings.ALLOWED_HOSTS = ["localhost"]
    known = {"number": world.number, "slug": "known", "email": "amira@example.com", "pk": world.pk}
    known |= {"role": "commander", "handover": 1, "answer": "accept", "seq": 1, "key": "lessons"}
    known |= {"task": 1, "ending": "done", "decision": 1, "action": 1, "item": 1, "runbook": 1, "file": 1}
    known |= {"other": world.number}

    @given_with(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        if mode.is_positive:
            case.path_parameters = {name: known[name] for name in case.path_parameters or {}}
        with transaction.atomic():
            case.call_and_validate(headers=world.headers, checks=CHECKS)
            transaction.set_rollback(True)

    send()
