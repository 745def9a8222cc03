"""A broken row of any source: its neighbours go on, it rests, somebody is told, and it counts as no lateness."""

from datetime import timedelta

import pytest

from incidents import due, setbacks
from incidents.models import Notice, Organisation, Setback
from oncall import notices
from oncall.models import Delivery
from tests.factories import AdministratorFactory, UserFactory
from tests.oncall.conftest import START, reachable

pytestmark = pytest.mark.django_db


def notice(person, key):
    return Notice.objects.create(person=person, subject="s", text="t", due_at=START, dedupe_key=key)


@pytest.fixture
def two(monkeypatch):
    """A notice that raises whenever it is done, and one that is whole."""
    ada, ben = reachable("Ada"), reachable("Ben")
    broken, whole = notice(ada, "broken"), notice(ben, "whole")
    choose = notices._choose

    def choose_or_raise(methods, channels):
        if methods and methods[0].user_id == ada.pk:
            raise ValueError("poison")
        return choose(methods, channels)

    monkeypatch.setattr(notices, "_choose", choose_or_raise)
    return broken, whole


def seconds(number):
    return START + timedelta(seconds=number)


def test_a_broken_row_rests_and_its_neighbours_go_on(two):
    due.settle(seconds(1))

    assert Delivery.objects.filter(notice=two[1]).exists()
    back = Setback.objects.get()
    assert (back.source, back.row, back.attempts, back.last_error) == ("notices", two[0].pk, 1, "poison")
    assert back.not_before == seconds(2)


def test_its_rest_grows_to_a_minute_and_is_no_lateness_of_the_engine(two):
    [source] = [one for one in due.SOURCES if one.name == "notices"]
    at, rests = seconds(1), []
    for _ in range(9):
        due.settle(at)
        assert source.backlog(at) == (0, None)
        back = Setback.objects.get(row=two[0].pk)
        rests.append((back.not_before - at).total_seconds())
        at = back.not_before

    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_fifth_failure_is_told_to_the_fallback_contact_once(two):
    Organisation.objects.update_or_create(pk=1, defaults={"fallback": (fay := reachable("Fay"))})
    at = seconds(1)
    for number in range(8):
        due.settle(at)
        told = Notice.objects.filter(person=fay)
        assert told.count() == (1 if number >= 4 else 0)
        at = Setback.objects.get().not_before

    assert "poison" in told.get().text
    assert Delivery.objects.filter(notice=told.get()).exists()


def test_without_a_fallback_contact_every_administrator_is_told():
    Organisation.objects.update(fallback=None)
    root = AdministratorFactory()
    UserFactory()

    assert setbacks.fallback() == [root]


def test_a_row_that_is_done_at_last_is_forgotten(two, monkeypatch):
    due.settle(seconds(1))
    monkeypatch.undo()

    due.settle(seconds(3))

    assert Delivery.objects.filter(notice=two[0]).exists()
    assert not Setback.objects.exists()
