"""Nothing waits in a message: what must happen later is a row. Read from the source of the house."""

import ast
from pathlib import Path

import pytest

from config.celery import app

ROOT = Path(__file__).resolve().parents[2]
HOUSE = [
    path
    for folder in ("config", "incidents", "oncall", "postmortems")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]
LATE = {"eta", "countdown", "expires", "autoretry_for", "retry_backoff", "default_retry_delay", "max_retries"}
SENDERS = {"send_task", "apply_async", "delay", "retry", "shared_task", "task"}
LONGEST = 60  # seconds


def calls():
    """Every call of the house that may send or declare a task: (place, name, keywords)."""
    for path in HOUSE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in SENDERS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", name, {word.arg for word in node.keywords}


def test_no_task_is_sent_for_later_or_tries_again_by_itself():
    found = list(calls())

    assert {name for _, name, _ in found} >= {"send_task", "shared_task"}, "the search finds nothing any more"
    assert [(place, name) for place, name, words in found if words & LATE] == []
    assert [place for place, name, _ in found if name in {"apply_async", "delay"}] == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("worker_prefetch_multiplier", 1),
        ("task_ignore_result", True),
    ],
)
def test_a_task_is_given_back_when_its_worker_dies(words, wanted):
    assert app.conf[words] == wanted


def test_work_is_divided_into_three_queues_and_the_tick_never_expires():
    assert {queue.name for queue in app.conf.task_queues} == {"engine", "delivery", "bulk"}
    assert app.conf.beat_schedule["tick"].get("options", {}).get("expires") is None
    assert app.conf.broker_transport_options["visibility_timeout"] <= LONGEST
