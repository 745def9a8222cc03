"""The database is gone for half a minute: nothing is lost, lateness is told, health is red and then green."""

import json
import os
import signal
import time
import urllib.error
import urllib.request

import pytest

from tests.config.test_up import data_dir, port, up  # noqa: F401 (fixtures)

pytestmark = pytest.mark.slow
AWAY = 45  # seconds: half a minute, and the time by which the level comes due after it


def ask(address, body=None, token=""):
    """Status and JSON of an answer; a server that says nothing is status 0."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(body).encode() if body else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, _read(answer)
    except urllib.error.HTTPError as error:
        return error.code, _read(error)
    except OSError:
        return 0, {}


def _read(answer):
    body = answer.read()
    return json.loads(body) if "json" in answer.headers["Content-Type"] else {}


def wait_for(reached, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := reached()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return value


def organisation(api, token):
    """A person on call and a lead, both on the sandbox, and a service of their team."""

    def make(path, body):
        status, answer = ask(api + path, body, token)
        assert status in {200, 201}, answer

    for name in ("ada", "lea"):
        make("/users", {"email": f"{name}@example.com", "name": name.title(), "time_zone": "UTC"})
        way = {"channel": "sandbox", "address": name, "verified": True}
        make(f"/users/{name}@example.com/contact-methods", way)
    ranks = [{"email": "ada@example.com", "rank": "engineer"}, {"email": "lea@example.com", "rank": "lead"}]
    make("/teams", {"slug": "payments", "name": "Payments", "time_zone": "UTC", "members": ranks})
    layer = {
        "name": "primary",
        "priority": 0,
        "time_zone": "UTC",
        "anchor": "2026-03-02T09:00",
        "unit": "week",
        "length": 1,
        "participants": [["ada@example.com"]],
        "restrictions": [],
    }
    schedule = {"slug": "weekly", "name": "Weekly", "team": "payments", "time_zone": "UTC", "layers": [layer]}
    make("/schedules", schedule)
    make("/services", {"slug": "checkout", "name": "Checkout", "team": "payments", "revenue_path": True, "core": True})


def test_o58_a_database_that_is_gone_for_thirty_seconds_loses_nothing_and_turns_health_red_then_green(
    up,  # noqa: F811
    data_dir,  # noqa: F811
    port,  # noqa: F811
):
    product = up()
    base = f"http://127.0.0.1:{port}"
    product.wait_for("Tocsin is running")
    token = product.run("token", "admin@example.com", "--scope", "admin").stdout.split()[-1]
    organisation(f"{base}/api/v1", token)
    drill = {"title": "Cards fail", "service": "checkout", "severity": "P1", "kind": "drill", "time_scale": 30}
    _, incident = ask(f"{base}/api/v1/incidents", drill, token)  # the lead is due 10 s later
    pages = f"{base}/api/v1/incidents/{incident['number']}/pages"
    wait_for(lambda: ask(pages, token=token)[1].get("items"))
    assert ask(f"{base}/readyz")[0] == 200

    os.kill(product.process.pid, signal.SIGSTOP)  # or it would start the database again at once
    postmaster = int(next(data_dir.rglob("postmaster.pid")).read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_for(lambda: ask(f"{base}/readyz")[0] == 503)
    assert ask(f"{base}/healthz")[0] == 200
    time.sleep(AWAY)
    os.kill(product.process.pid, signal.SIGCONT)

    wait_for(lambda: ask(f"{base}/readyz")[0] == 200)
    paged = wait_for(lambda: [p for p in ask(pages, token=token)[1].get("items", []) if "lea" in json.dumps(p)])
    assert len([page for page in paged if page["loop"] == 0]) == 1  # a slow machine may have begun the next round
    _, story = ask(f"{base}/api/v1/incidents/{incident['number']}/timeline", token=token)
    assert any("late: the engine was away" in entry["text"] for entry in story["items"])
    product.stop()
