"""The header Idempotency-Key: what is sent twice is done once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from incidents.api import people
from incidents.models import IdempotentAnswer, Team, User
from tests.api_caller import Caller, administrator, fields_of
from tests.factories import AdministratorFactory

KEYED = {"Idempotency-Key": "4f1d-7"}


@pytest.mark.django_db
def test_the_same_request_again_gets_the_same_answer_and_does_nothing():
    caller = administrator()

    first = caller.post("teams", KEYED, slug="payments", name="Payments")
    second = caller.post("teams", KEYED, slug="payments", name="Payments")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second["Content-Type"] == first["Content-Type"]
    assert second["Idempotency-Replayed"] == "true"
    assert Team.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("teams", {"slug": "search", "name": "Search"}),
        ("users", {"slug": "payments", "name": "Payments"}),
        ("teams?x=1", {"slug": "payments", "name": "Payments"}),
    ],
)
def test_the_same_key_for_another_request_is_refused(path, body):
    caller = administrator()
    caller.post("teams", KEYED, slug="payments", name="Payments")

    assert fields_of(caller.post(path, KEYED, **body)) == ["Idempotency-Key"]
    assert Team.objects.count() == 1


@pytest.mark.django_db
def test_a_key_belongs_to_one_person():
    administrator().post("teams", KEYED, slug="payments", name="Payments")

    assert administrator().post("teams", KEYED, slug="search", name="Search").status_code == 201


@pytest.mark.django_db
def test_a_key_is_free_again_after_a_day():
    caller = administrator()
    caller.post("teams", KEYED, slug="payments", name="Payments")
    row = IdempotentAnswer.objects.get()

    IdempotentAnswer.objects.update(created_at=row.created_at - timedelta(hours=23, minutes=59))
    assert caller.post("teams", KEYED, slug="search", name="Search").status_code == 422
    IdempotentAnswer.objects.update(created_at=row.created_at - timedelta(hours=24))
    assert caller.post("teams", KEYED, slug="search", name="Search").status_code == 201


@pytest.mark.django_db
def test_a_refused_request_frees_its_key():
    caller = administrator()

    assert caller.post("teams", KEYED, slug="payments", name="").status_code == 422
    assert caller.post("teams", KEYED, slug="payments", name="Payments").status_code == 201


@pytest.mark.django_db
def test_a_request_that_breaks_leaves_nothing_and_frees_its_key(monkeypatch):
    caller = administrator()

    def fall(team):
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as broken:
        broken.setattr(people, "team_shape", fall)
        assert caller.post("teams", KEYED, slug="payments", name="Payments").status_code == 500
    assert not Team.objects.exists()
    assert caller.post("teams", KEYED, slug="payments", name="Payments").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 201, "ü"])
def test_a_key_that_cannot_be_is_refused(key):
    answer = administrator().post("teams", {"Idempotency-Key": key}, slug="payments", name="Payments")

    assert fields_of(answer) == ["Idempotency-Key"]


@pytest.mark.django_db
def test_a_key_does_not_open_the_door():
    answer = Caller().post("teams", KEYED, slug="payments", name="Payments")

    assert answer.status_code == 401
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db
def test_a_password_cannot_be_found_out_from_what_is_kept(settings):
    caller = administrator()
    caller.post("users", KEYED, email="amira@example.com", name="Amira", password="lantern-orbit-42")
    row = IdempotentAnswer.objects.get()

    assert "lantern" not in row.body
    digest = row.request_digest
    IdempotentAnswer.objects.all().delete()
    User.objects.get(email="amira@example.com").delete()
    settings.SECRET_KEY = "another"
    caller.post("users", KEYED, email="amira@example.com", name="Amira", password="lantern-orbit-42")
    assert IdempotentAnswer.objects.get().request_digest != digest


@pytest.mark.django_db(transaction=True)
def test_of_twins_that_come_at_once_one_is_done_and_both_get_its_answer(monkeypatch):
    caller = Caller(AdministratorFactory(), "admin")
    begun, answers = threading.Event(), []
    shape = people.team_shape

    def shape_slowly(team):
        begun.set()
        waits_for_the_twin()
        return shape(team)

    monkeypatch.setattr(people, "team_shape", shape_slowly)

    def send():
        answers.append(caller.post("teams", KEYED, slug="payments", name="Payments"))
        connection.close()

    first, second = threading.Thread(target=send), threading.Thread(target=send)
    first.start()
    assert begun.wait(10)
    second.start()
    first.join(20)
    second.join(20)

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert Team.objects.count() == 1


def waits_for_the_twin():
    """Return when another session waits for a lock of ours: the twin stands at the unique constraint."""
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id_if_assigned()::xid"
            )
            if cursor.fetchone():
                return
            cursor.execute("SELECT pg_sleep(0.05)")
    raise AssertionError("the twin never came")
