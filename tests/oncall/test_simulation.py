"""The simulation is the engine itself: what it foretells is what happens, and it leaves nothing behind."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from incidents import due
from incidents.models import Incident, Notice, Severity, TimelineEntry
from oncall import replies, simulation, wishing
from oncall.models import Act, Delivery, Escalation, EscalationPolicy, Page, Turn
from tests.api_caller import responder
from tests.factories import EscalationLevelFactory, EscalationPolicyFactory, EscalationTargetFactory, UserFactory
from tests.oncall.conftest import START, after
from tests.oncall.views.conftest import words

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def foretold(chain, level, *, minutes=None, **said):
    """(seconds after the start, name, act, channels), as the simulation says it."""
    severity = None if level is None else Severity.objects.get(level=level)
    found = simulation.simulate(chain.service, severity=severity, at=START, **said)
    rows = [
        (int(one.after.total_seconds()), one.person.name, str(one.act), tuple(sorted(one.channels)))
        for one in found.told
    ]
    return sorted(row for row in rows if minutes is None or row[0] <= minutes * 60)


def happened(chain, level, *, minutes, silent=None):
    """The same of a real run with a tick every half minute, whose people answer a minute after their page."""
    incident = chain.declare(2 if level is None else level, severity_assumed=level is None)
    for second in range(0, minutes * 60 + 1, 30):
        tick = after(seconds=second, microseconds=second + 1)  # later each time: what one tick sets, another finds past
        send(incident, tick)
        answer(incident, silent, tick)
        due.settle(tick)
        send(incident, tick)
    together = {}
    for row in Delivery.objects.filter(page__incident=incident, state="accepted").select_related("person", "page"):
        seconds = int((row.not_before - START).total_seconds())
        key = (seconds, row.person.name, str(row.page.act), row.page_id, ":r" in row.dedupe_key)
        together.setdefault(key, []).append(str(row.channel))
    return sorted((when, name, act, tuple(sorted(ways))) for (when, name, act, _, _), ways in together.items())


def answer(incident, silent, at):
    asked = Page.objects.filter(incident=incident, act=Act.PAGE, acknowledged_at=None, ended_at=None)
    for page in asked.exclude(person__in=silent).filter(created_at__lte=at - MINUTE) if silent is not None else []:
        replies.take(page, at=at, via="by test")
        Escalation.objects.filter(incident=incident).update(check_at=None)


def send(incident, at):
    waiting = Delivery.objects.filter(page__incident=incident, state="pending", not_before__lte=at)
    waiting.update(state="accepted")


@pytest.mark.parametrize(("level", "minutes"), [(0, 16), (1, 31), (None, 16)])
def test_a_real_run_and_its_simulation_agree(chain, level, minutes):
    wishing.set_rules(chain.lea, [("page_now", "sms", timedelta(0)), ("page_now", "voice", 3 * MINUTE)])

    foreseen = foretold(chain, level, minutes=minutes)

    assert foreseen == happened(chain, level, minutes=minutes)
    assert foreseen


def test_they_agree_on_who_answers_too(chain):
    silent = {chain.ada.pk}

    foreseen = foretold(chain, 1, minutes=31, silent=silent)

    assert foreseen == happened(chain, 1, minutes=31, silent=silent)
    assert [name for _, name, _, _ in foreseen] == ["Ada", "Lea", "Dan"]


def test_it_leaves_nothing_behind(chain):
    policy = EscalationPolicyFactory(service=chain.service, severity=Severity.objects.get(level=2))
    level = EscalationLevelFactory(policy=policy, round_robin=True)
    EscalationTargetFactory(level=level, kind="user", user=chain.ada)
    first = chain.declare(4).number

    foretold(chain, 2)

    assert Incident.objects.count() == 1
    assert not any(model.objects.exists() for model in (Page, Delivery, Turn, Notice))
    assert TimelineEntry.objects.exclude(incident__number=first).count() == 0
    assert chain.declare(4).number == first + 1


def test_it_tells_the_level_the_reason_and_what_the_level_waits_on(chain):
    found = simulation.simulate(chain.service, severity=Severity.objects.get(level=1), at=START)

    assert [(one.after, one.person.name, one.why) for one in found.told[:3]] == [
        (timedelta(0), "Ada", "On call, Payments weekly, Primary; if not acknowledged"),
        (5 * MINUTE, "Lea", "Team lead of Payments; if not acknowledged"),
        (30 * MINUTE, "Dan", "Director of Payments; if not resolved"),
    ]
    assert any(one.why.endswith("round 2") for one in found.told)
    assert found.lines[0].text.startswith("Level 1 of 3 paged Ada")


def test_a_p0_that_nobody_answers_ends_with_the_fallback_or_the_alarm(chain):
    found = simulation.simulate(chain.service, severity=Severity.objects.get(level=2), at=START)

    assert found.lines[-1].alarm
    assert "no fallback contact can be reached" in found.lines[-1].text


def test_quiet_hours_and_working_hours_show_in_the_simulation(chain):
    rows = foretold(chain, 3)

    assert rows[0] == (0, "Ada", "page", ("email",))
    assert any("chat" in ways and when > 3600 for when, _, _, ways in rows)


def test_the_command_prints_words_and_json(chain):
    chain.service.slug = "checkout"
    chain.service.save()
    out = StringIO()
    call_command("simulate", "checkout", "P1", at="2026-03-29T00:30:00Z", stdout=out)
    assert "    5:00  page    Lea  by " in out.getvalue()

    out = StringIO()
    call_command(
        "simulate", service_too="checkout", severity_too="P1", at="2026-03-29T00:30:00Z", json=True, stdout=out
    )
    rows = json.loads(out.getvalue())
    assert (rows[1]["after"], rows[1]["person"], rows[1]["act"]) == (300, chain.lea.email, "page")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"service_too": "nope"}, "There is no service “nope”."),
        ({}, "Name a service."),
        ({"service_too": "checkout", "severity_too": "P9"}, "There is no severity “P9”"),
        ({"service_too": "checkout", "at": "noon"}, "“noon” is no time."),
        ({"service_too": "checkout", "silent": ["x@example.com"]}, "no person with the address x@example.com"),
    ],
)
def test_the_command_says_what_it_does_not_understand(chain, given, said):
    chain.service.slug = "checkout"
    chain.service.save()

    with pytest.raises(CommandError, match=said):
        call_command("simulate", **given)


def test_the_api_answers_with_the_same_rows(chain):
    chain.service.slug = "checkout"
    chain.service.save()
    caller = responder()

    rows = caller.get("simulate", service="checkout", severity="P1", at="2026-03-29T00:30:00Z").json()

    assert rows[0] == {
        "after": 0,
        "person": chain.ada.email,
        "act": "page",
        "channels": ["voice", "chat", "sms", "email"],
        "why": "On call, Payments weekly, Primary; if not acknowledged",
    }
    alone = caller.get("simulate", service="checkout", severity="P1", silent=[chain.lea.email]).json()
    assert {row["person"] for row in alone} == {chain.ada.email, chain.dan.email}
    assert caller.get("simulate", service="nope").status_code == 422
    assert not Incident.objects.exists()


def test_the_page_asks_and_then_answers(client, chain):
    client.force_login(UserFactory())
    address = reverse("oncall:simulate")
    assert "Choose a service, a severity and a time" in words(client.get(address))
    asked = {"service": chain.service.slug, "severity": "0", "answers": "nobody", "at": "2026-03-29T03:00"}

    text = words(client.get(address, asked))

    assert "P0 Critical on Checkout" in text
    assert "On call, Payments weekly, Primary" in text
    assert "times more until" in text
    others = words(client.get(address, asked | {"severity": "2", "answers": "others"}))
    assert "Team lead of Payments" not in others


def test_the_page_says_what_is_missing(client, chain):
    client.force_login(UserFactory())

    answer = client.get(reverse("oncall:simulate"), {"severity": "0"})

    assert answer.status_code == 422
    assert "This field is required." in words(answer)


def test_without_any_policy_the_fallback_is_told(chain):
    EscalationPolicy.objects.update(is_active=False)

    found = simulation.simulate(chain.service, severity=Severity.objects.get(level=1), at=START)

    assert found.lines[0].alarm
