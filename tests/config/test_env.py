import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import env_bool, env_int, env_list, env_str


def test_a_secret_may_come_from_a_file(monkeypatch, tmp_path):
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    monkeypatch.setenv("SOME_SECRET", "not this one")
    monkeypatch.setenv("SOME_SECRET_FILE", str(path))

    assert env_str("SOME_SECRET") == "s3cret"


def test_a_secret_file_that_cannot_be_read_is_refused_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("SOME_SECRET_FILE", str(tmp_path / "missing"))

    with pytest.raises(ImproperlyConfigured, match="SOME_SECRET_FILE points to a file that cannot be read"):
        env_str("SOME_SECRET")


@pytest.mark.parametrize(
    ("text", "meant"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("false", False), ("", False)]
)
def test_yes_and_no_are_read_in_their_usual_spellings(monkeypatch, text, meant):
    monkeypatch.setenv("SOME_SWITCH", text)

    assert env_bool("SOME_SWITCH", default=not meant) is meant


def test_a_switch_that_is_not_set_takes_its_default(monkeypatch):
    monkeypatch.delenv("SOME_SWITCH", raising=False)

    assert env_bool("SOME_SWITCH", default=True) is True


def test_nonsense_is_refused_with_the_name_of_the_variable(monkeypatch):
    monkeypatch.setenv("SOME_SWITCH", "perhaps")
    monkeypatch.setenv("SOME_NUMBER", "8000x")

    with pytest.raises(ImproperlyConfigured, match="SOME_SWITCH must be 1 or 0, not 'perhaps'"):
        env_bool("SOME_SWITCH", default=True)
    with pytest.raises(ImproperlyConfigured, match="SOME_NUMBER must be a whole number, not '8000x'"):
        env_int("SOME_NUMBER", 1)


def test_an_empty_number_takes_its_default(monkeypatch):
    monkeypatch.setenv("SOME_NUMBER", "")

    assert env_int("SOME_NUMBER", 8000) == 8000


def test_a_list_is_cut_at_commas_and_trimmed(monkeypatch):
    monkeypatch.setenv("SOME_LIST", " a.example, b.example ,,")

    assert env_list("SOME_LIST") == ["a.example", "b.example"]
