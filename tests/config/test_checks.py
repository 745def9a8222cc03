import pytest
from django.core.exceptions import ImproperlyConfigured

from config import checks
from config.settings import _database


def ids(found):
    return [message.id for message in found]


def test_a_short_secret_key_is_an_error(settings):
    settings.SECRET_KEY = "k" * 31
    assert ids(checks.secret_key_is_long()) == ["tocsin.E001"]

    settings.SECRET_KEY = "k" * 32
    assert ids(checks.secret_key_is_long()) == []


def test_another_database_than_postgres_is_refused_before_anything_starts():
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must begin with postgresql://"):
        _database("mysql://tocsin@db/tocsin")


def test_the_parts_of_a_database_address_are_decoded_and_a_socket_directory_may_be_named():
    told = _database("postgresql://to%40csin:p%2Fss@db.example.com:6432/tocsin?sslmode=require")
    assert (told["USER"], told["PASSWORD"], told["HOST"], told["PORT"]) == ("to@csin", "p/ss", "db.example.com", "6432")
    assert told["OPTIONS"]["sslmode"] == "require"

    told = _database("postgresql://tocsin@/tocsin?host=/run/tocsin")
    assert (told["NAME"], told["HOST"], told["PORT"]) == ("tocsin", "/run/tocsin", "")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://tocsin.example.com", []),
        ("http://127.0.0.1:8000", []),
        ("http://localhost:8000", []),
        ("http://[::1]:8000", []),
        ("http://tocsin.example.com", ["tocsin.W001"]),
        ("tocsin.example.com", ["tocsin.E002"]),
        ("https://tocsin.example.com/path", ["tocsin.E002"]),
        ("ftp://tocsin.example.com", ["tocsin.E002"]),
    ],
)
def test_the_public_address_must_be_whole_and_should_be_https(settings, address, found):
    settings.PUBLIC_URL = address

    assert ids(checks.public_url_is_whole()) == found


def test_a_data_directory_that_does_not_stand_yet_is_judged_by_the_one_above_it(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "one" / "two"
    assert ids(checks.data_dir_can_be_written()) == []

    settings.DATA_DIR = tmp_path / "file"
    (tmp_path / "file").touch(mode=0o400)
    assert ids(checks.data_dir_can_be_written()) == ["tocsin.E003"]


def test_no_mail_server_and_no_sandbox_is_a_warning(settings):
    settings.EMAIL_CONFIGURED = settings.SANDBOX = False
    assert ids(checks.mail_has_a_way_out()) == ["tocsin.W002"]

    settings.SANDBOX = True
    assert ids(checks.mail_has_a_way_out()) == []


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (("", "", ""), []),
        (("AC1", "", "+15005550006"), ["tocsin.W003"]),
        (("AC1", "token", "+15005550006"), ["tocsin.W004"]),
    ],
)
def test_a_half_of_twilio_and_one_that_cannot_come_back_are_warnings(settings, said, found):
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = said
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert ids(checks.twilio_is_whole()) == found
    assert all(message.hint for message in checks.twilio_is_whole())

    settings.PUBLIC_URL = "https://tocsin.example.com"
    assert ids(checks.twilio_is_whole()) == [code for code in found if code != "tocsin.W004"]


def test_every_complaint_carries_a_hint(settings):
    settings.SECRET_KEY, settings.PUBLIC_URL, settings.EMAIL_CONFIGURED, settings.SANDBOX = (
        "short",
        "nowhere",
        False,
        False,
    )

    found = [*checks.secret_key_is_long(), *checks.public_url_is_whole(), *checks.mail_has_a_way_out()]

    assert len(found) == 3
    assert all(message.hint for message in found)
