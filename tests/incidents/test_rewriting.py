"""A set of rows saved in one statement: every kind of value that the engine writes that way, and lengths minded."""

from datetime import timedelta

import pytest
from django.db import DataError, transaction

from incidents import due, rewriting
from incidents.models import Incident
from oncall.models import Escalation, EscalationStep, StepState
from tests.oncall.conftest import START, make_chain

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain():
    return make_chain()


@pytest.fixture
def runs(chain):
    chain.declare(2)
    chain.declare(1)
    return list(Escalation.objects.order_by("pk"))


def test_every_row_gets_its_own_values_in_one_statement(runs, django_assert_num_queries):
    first, second = runs
    first.last_error, first.not_before, first.attempts, first.repeat_after = (
        "it's 100 % broken",
        START,
        3,
        timedelta(hours=1),
    )
    second.last_error, second.not_before, second.attempts = "", None, 0
    untouched = second.repeat_after

    with django_assert_num_queries(1):
        rewriting.save(runs, ["last_error", "not_before", "attempts", "repeat_after"])

    kept = {run.pk: run for run in Escalation.objects.all()}
    assert kept[first.pk].last_error == "it's 100 % broken"
    assert (kept[first.pk].not_before, kept[first.pk].attempts) == (START, 3)
    assert kept[first.pk].repeat_after == timedelta(hours=1)
    assert (kept[second.pk].last_error, kept[second.pk].not_before) == ("", None)
    assert kept[second.pk].repeat_after == untouched


def test_an_enumeration_is_kept_as_its_value_and_other_fields_stay(runs):
    steps = list(EscalationStep.objects.filter(run=runs[0]))
    before = [step.targets for step in steps]
    for step in steps:
        step.state, step.targets = StepState.FIRED, []

    rewriting.save(steps, ["state"])

    assert set(EscalationStep.objects.filter(run=runs[0]).values_list("state", flat=True)) == {"fired"}
    assert list(EscalationStep.objects.filter(run=runs[0]).values_list("targets", flat=True)) == before


def test_a_text_that_is_too_long_is_refused_not_cut(runs):
    runs[0].why = "x" * 61

    with pytest.raises(DataError), transaction.atomic():
        rewriting.save(runs, ["why"])


def test_no_rows_cost_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        rewriting.save([], ["why"])
    assert not Incident.objects.exists()
    assert due.database_now()
