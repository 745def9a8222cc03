"""Old and new workers side by side: whoever does not fit the database does nothing and says why."""

import logging

import pytest
from django.db.migrations.recorder import MigrationRecorder

from incidents import due, versions
from incidents.models import EngineBeat
from oncall import tasks
from oncall.models import Attempt, Page
from tests.oncall.conftest import make_chain

pytestmark = pytest.mark.django_db
APPLIED = MigrationRecorder.Migration.objects


@pytest.fixture(autouse=True)
def look_anew():
    versions.forget()
    yield
    versions.forget()


def test_o59_an_old_worker_on_a_migrated_database_refuses_to_work_and_says_why(caplog):
    make_chain().declare(2, at=due.database_now())
    APPLIED.create(app="oncall", name="9999_of_the_next_release")

    with caplog.at_level(logging.ERROR):
        due.tick(rung=True)
        tasks.deliver(channel="email")

    assert not Page.objects.exists()
    assert not Attempt.objects.exists()
    assert EngineBeat.objects.get().ticked_at is None
    assert "older than the database, which has oncall.9999_of_the_next_release" in caplog.text


def test_o59_a_new_worker_waits_until_the_migrations_have_run(caplog):
    newest = APPLIED.filter(app="incidents").order_by("name").last()
    newest.delete()

    with caplog.at_level(logging.ERROR):
        due.tick(rung=True)

    assert EngineBeat.objects.get().ticked_at is None
    assert f"lacks incidents.{newest.name}. Run: manage.py migrate." in caplog.text


def test_o59_a_worker_that_fits_works_and_looks_once_in_five_seconds(django_assert_num_queries):
    assert versions.misfit() == ""
    with django_assert_num_queries(0):
        assert versions.misfit() == ""
    due.tick(rung=True)
    assert EngineBeat.objects.get().ticked_at is not None
