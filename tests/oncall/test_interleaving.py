"""Two connections that meet on one incident: whoever holds its lock decides, the other reads again."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from incidents import due, lifecycle
from incidents.models import Incident
from oncall import climbing
from oncall.models import Delivery, EscalationStep, Page
from tests.oncall.conftest import after, paged, settle

LATE = after(minutes=5, milliseconds=1)  # the tick at which the lead of a P1 is due


@pytest.fixture
def incident(transactional_chain):
    incident = transactional_chain.declare(1)
    settle(seconds=0)
    return incident


class Other(threading.Thread):
    """Somebody else, on a connection of their own."""

    def __init__(self, deed):
        super().__init__(daemon=True)
        self.deed, self.answer = deed, None
        self.start()

    def run(self):
        try:
            self.answer = self.deed()
        finally:
            connection.close()

    def result(self):
        self.join(timeout=20)
        assert not self.is_alive()
        return self.answer


def wait_until_somebody_waits():
    """Until another connection waits for a lock of ours."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"  # pg_stat_activity is frozen in a transaction
    for _ in range(400):
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("nobody waited")


DEEDS = {
    "acknowledge": lambda chain, incident: lifecycle.acknowledge(incident, by=chain.ada, at=after(minutes=5)),
    "resolve": lambda chain, incident: lifecycle.resolve(incident, by=chain.ada, at=after(minutes=5)),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_that_holds_the_lock_at_the_very_tick_keeps_the_level_from_firing(transactional_chain, incident, deed):
    with transaction.atomic():
        DEEDS[deed](transactional_chain, incident)
        assert Other(lambda: climbing.fire_due(LATE).rows).result() == 0
        assert paged(incident) == ["Ada"]
    due.settle(LATE)

    assert paged(incident) == ["Ada"]
    assert EscalationStep.objects.get(level=2, run__incident=incident).state in {"parked", "cancelled"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_level_that_fires_first_is_ended_by_the_deed_that_waited_for_it(transactional_chain, incident, deed):
    with transaction.atomic():
        climbing.fire([incident.pk], LATE)
        other = Other(lambda: DEEDS[deed](transactional_chain, incident))
        wait_until_somebody_waits()
    other.result()
    due.settle(after(minutes=29))

    assert paged(incident) == ["Ada", "Lea"]
    assert not Page.objects.filter(incident=incident, ended_at=None).exists()
    assert not Delivery.objects.filter(page__incident=incident, state="pending").exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_ticks_at_one_instant_each_level_fires_once(transactional_chain, incident):
    with transaction.atomic():
        climbing.fire([incident.pk], LATE)
        assert Other(lambda: climbing.fire_due(LATE + timedelta(seconds=1)).rows).result() == 0
    due.settle(LATE + timedelta(seconds=2))

    assert paged(incident) == ["Ada", "Lea"]
    assert Incident.objects.get(pk=incident.pk).timeline_seq == incident.timeline.count()
