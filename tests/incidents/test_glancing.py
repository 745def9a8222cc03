"""One look at all sources says the same as asking each of them, at any instant, and makes an idle tick cheap."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext

from incidents import due, glancing
from incidents.models import Incident, Notice, Setback
from oncall.models import Delivery, Page
from tests.factories import UserFactory
from tests.oncall.conftest import START, make_chain

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain():
    return make_chain()


SPANS = (-1, 0, 1, 59, 301, 901, 1801, 7201, 90_000)  # seconds after the start


def agree(at):
    seen = glancing.look(due.SOURCES, at)
    for source in due.SOURCES:
        count, oldest = source.backlog(at)
        if source.name not in seen.waits:
            assert count == 0, source.name
        elif source.name != "dead_man":  # without an address it cannot be asked, and is asked for ever
            assert count > 0, source.name
        assert seen.since.get(source.name) == oldest, source.name


def test_a_look_says_what_each_source_says(chain):
    incident = chain.declare(0)
    chain.declare(3)
    for seconds in SPANS:
        at = START + timedelta(seconds=seconds)
        agree(at)
        due.do_round(at)
        agree(at)
    assert Page.objects.filter(incident=incident).exists()


def test_a_tick_that_finds_nothing_costs_five_statements(chain):
    chain.declare(2, at=due.database_now())
    due.tick(rung=True)
    Delivery.objects.update(state="delivered")
    due.tick(rung=True)

    with CaptureQueriesContext(connection) as queries:
        due.tick(rung=True)

    assert len(queries) <= 4, [query["sql"][:80] for query in queries]  # and the look, which is not captured


def test_a_row_at_rest_is_no_lateness_and_a_notice_to_somebody_who_left_is_none(chain):
    at = due.database_now()
    gone = UserFactory(is_active=False)
    told = {"subject": "s", "text": "t", "due_at": at - timedelta(hours=2)}
    Notice.objects.create(person=gone, dedupe_key="gone", **told)
    broken = Notice.objects.create(person=chain.ada, dedupe_key="broken", **told)
    rest = {"since": at, "not_before": at + timedelta(minutes=1)}
    Setback.objects.create(source="notices", row=broken.pk, attempts=1, **rest)

    assert due.tick(rung=True).late_seconds == 0

    Setback.objects.all().delete()
    assert due.tick(rung=True).late_seconds > 7000


@pytest.mark.django_db(transaction=True)
def test_a_source_that_asks_wrongly_keeps_none_of_the_others_waiting(monkeypatch):
    chain = make_chain()
    incident = chain.declare(2, at=due.database_now() - timedelta(seconds=40))
    wrong = due.Source(
        "wrong",
        lambda at: due.Done(),
        lambda at: Incident.objects.annotate(due_since=RawSQL("now() / 0", [])),
        "due_since",
    )
    monkeypatch.setattr(due, "SOURCES", [*due.SOURCES, wrong])

    ticked = due.tick(rung=True)

    assert Page.objects.filter(incident=incident).exists()
    assert 40 <= ticked.late_seconds < 300
