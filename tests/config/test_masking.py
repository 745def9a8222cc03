import io
import logging

import pytest

from config.masking import MaskSecrets, RefusalInOneLine, masked

KEY = "k3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"POST /integrations/{KEY}/alertmanager 202", "POST /integrations/***/alertmanager 202"),
        (f"GET /calendar/{KEY}.ics", "GET /calendar/***"),
        (f"GET /a/{KEY}:1x:y/ 200", "GET /a/***/ 200"),
        (f'{{"routing_key": "{KEY}", "event_action": "trigger"}}', '{"routing_key": ***, "event_action": "trigger"}'),
        ("{'password': 'two words', 'x': 1}", "{'password': ***, 'x': 1}"),
        ("host=db user=tocsin password=hunter2 dbname=tocsin", "host=db user=tocsin password=*** dbname=tocsin"),
        ("postgresql://tocsin:p%40ss@db:5432/tocsin", "postgresql://tocsin:***@db:5432/tocsin"),
        ("Cannot connect to redis://:s3cret@10.0.0.1:6379//", "Cannot connect to redis://:***@10.0.0.1:6379//"),
        ("Authorization: Bearer tocsin_abcdefghijklmnop", "Authorization: ***"),
        ("said bearer abcdefgh.ijkl", "said bearer ***"),
        ("the token is tocsin_abcdefghijklmnopqrstu", "the token is tocsin_***"),
        ("Cookie: sessionid=abc; theme=dark", "Cookie: ***; theme=dark"),
        ("GET /integrations/?token=abc&page=2", "GET /integrations/?token=***&page=2"),
    ],
)
def test_each_kind_of_secret_is_masked_and_the_rest_of_the_line_stays(line, shown):
    assert masked(line) == shown


@pytest.mark.parametrize(
    "line",
    ["INC-12 acknowledged by Ada", "http://127.0.0.1:8000/incidents/12/", "password was wrong", "GET /a/ 404"],
)
def test_a_line_without_secrets_stays_as_it_is(line):
    assert masked(line) == line


def log_with_the_filter(write):
    sink = io.StringIO()
    handler = logging.StreamHandler(sink)
    handler.addFilter(MaskSecrets())
    logger = logging.Logger("tests.masking")
    logger.addHandler(handler)
    write(logger)
    return sink.getvalue()


def test_the_arguments_of_a_record_are_masked_too():
    said = log_with_the_filter(lambda logger: logger.warning("cannot reach %s", "redis://:s3cret@host/0"))

    assert said == "cannot reach redis://:***@host/0\n"


def test_the_traceback_of_a_record_is_masked_too():
    def write(logger):
        try:
            raise RuntimeError("connection to postgresql://tocsin:hunter2@db/tocsin failed")
        except RuntimeError:
            logger.exception("no database")

    said = log_with_the_filter(write)

    assert "hunter2" not in said
    assert "RuntimeError: connection to postgresql://tocsin:***@db/tocsin failed" in said


@pytest.mark.parametrize(("level", "told"), [("warning", False), ("error", True)])
def test_a_refused_request_is_one_line_and_a_fault_of_ours_is_told_whole(level, told):
    sink = io.StringIO()
    handler = logging.StreamHandler(sink)
    handler.addFilter(RefusalInOneLine())
    logger = logging.Logger("django.request")
    logger.addHandler(handler)
    try:
        raise PermissionError("not yours")
    except PermissionError:
        getattr(logger, level)("Forbidden: /admin/", exc_info=True)

    assert ("Traceback" in sink.getvalue()) is told
    assert sink.getvalue().startswith("Forbidden: /admin/\n")
