import socket
from datetime import timedelta

import pytest
from django.core.management import call_command

from config import health
from config.health import Verdict
from incidents import due
from incidents.models import EngineBeat, Organisation, User


def one(found):
    (finding,) = found
    return finding


@pytest.fixture
def closed_port():
    """A port on which nobody listens."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        yield door.getsockname()[1]


@pytest.mark.django_db
def test_an_engine_that_never_ticked_is_broken():
    EngineBeat.objects.update_or_create(pk=1, defaults={"ticked_at": None})

    assert one(health.engine()).verdict is Verdict.BROKEN
    assert "has not run yet" in one(health.engine()).words


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("age", "late", "verdict", "words"),
    [
        (1, 0, Verdict.WELL, "last tick 1."),
        (9, 29, Verdict.WELL, "due work 29.0 s late"),
        (11, 0, Verdict.BROKEN, "silent for 11 s"),
        (1, 31, Verdict.BROKEN, "is 31 s late"),
    ],
)
def test_the_engine_is_judged_by_its_last_tick_and_its_lateness(age, late, verdict, words):
    ticked_at = due.database_now() - timedelta(seconds=age)
    EngineBeat.objects.update_or_create(pk=1, defaults={"ticked_at": ticked_at, "oldest_due_seconds": late})

    finding = one(health.engine())

    assert finding.verdict is verdict
    assert words in finding.words


@pytest.mark.django_db
def test_an_organisation_without_a_fallback_contact_is_named():
    Organisation.objects.update_or_create(pk=1, defaults={"fallback": None})
    assert one(health.fallback()).verdict is Verdict.NOTE

    person = User.objects.create_user("ada@example.com", name="Ada")
    Organisation.objects.update(fallback=person)
    assert one(health.fallback()).words == "Ada is paged when nobody else can be reached"


@pytest.mark.django_db
def test_the_clocks_of_this_machine_and_the_database_agree():
    assert one(health.clock()).verdict is Verdict.WELL


def test_what_a_library_says_is_shown_on_one_line_without_secrets():
    finding = health.broken("broker", "cannot reach\n  redis://:hunter2@10.0.0.1/0")

    assert finding.words == "cannot reach redis://:***@10.0.0.1/0"


def test_a_database_that_is_away_is_named_without_its_password(settings, closed_port):
    settings.DATABASE_URL = settings.LISTEN_DATABASE_URL = f"postgresql://tocsin:hunter2@127.0.0.1:{closed_port}/x"

    finding = one(health.database())

    assert finding.verdict is Verdict.BROKEN
    assert "it cannot be reached" in finding.words
    assert "hunter2" not in finding.words


@pytest.mark.django_db
def test_a_database_that_is_there_and_up_to_date_is_well():
    assert one(health.database()).verdict is Verdict.WELL


def test_a_mail_server_that_is_away_is_broken_and_none_at_all_is_only_a_note(settings, closed_port):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_CONFIGURED, settings.EMAIL_HOST, settings.EMAIL_PORT = True, "127.0.0.1", closed_port
    assert one(health.mail()).verdict is Verdict.BROKEN

    settings.EMAIL_CONFIGURED = False
    assert one(health.mail()).verdict is Verdict.NOTE


@pytest.mark.django_db
def test_a_broker_without_a_worker_is_broken_and_so_is_the_exit_code(capsys):
    with pytest.raises(SystemExit) as exit_:
        call_command("doctor")

    assert exit_.value.code == 1
    said = capsys.readouterr().out
    assert "BROKEN  broker         reached, but no worker answered" in said
    assert said.endswith("Something is broken.\n")
