"""A real Alertmanager tells our real server of alerts."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from incidents import due, integrations
from incidents.models import Alert, Incident, RawEvent
from incidents.states import Status
from oncall.models import Escalation
from tests.factories import IntegrationFactory
from tests.live import free_port, running_server

PATIENCE = 30  # seconds
CONFIGURATION = """
route:
  receiver: tocsin
  group_by: [job]
  group_wait: 100ms
  group_interval: 500ms
  repeat_interval: 1h
receivers:
  - name: tocsin
    webhook_configs:
      - url: {url}
        send_resolved: true
"""


@contextmanager
def running_alertmanager(program, folder, url):
    """Run it with our address as its only receiver; yields its own address."""
    (folder / "alertmanager.yml").write_text(CONFIGURATION.format(url=url))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/data",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: answers(f"http://{address}/-/ready"))
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def until(is_so):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def tell(alertmanager, *alerts):
    body = json.dumps(alerts).encode()
    url = f"{alertmanager}/api/v2/alerts"
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def alert(name, *, severity="critical", ends_at=None):
    now = datetime.now(UTC)
    said = {
        "labels": {"alertname": name, "job": "api", "severity": severity, "instance": "api-1"},
        "annotations": {"summary": f"{name} on api-1"},
        "startsAt": (now - timedelta(minutes=5)).isoformat(),
        "generatorURL": "http://prometheus.example.com/graph",
    }
    return said | ({"endsAt": ends_at.isoformat()} if ends_at else {})


@pytest.mark.alertmanager
@pytest.mark.slow
def test_a_real_alertmanager_opens_joins_and_ends_an_incident(committed_db, database_url, alertmanager_path, tmp_path):
    integration = IntegrationFactory(kind="alertmanager", name="Prometheus")
    with running_server(database_url) as server:
        url = f"{server}{integrations.path_of(integration.kind, integration.key)}"
        with running_alertmanager(alertmanager_path, tmp_path, url) as alertmanager:
            tell(alertmanager, alert("HighLatency"))
            until(lambda: due.tick(rung=True) and Incident.objects.exists())
            incident = Incident.objects.get()
            assert (incident.title, incident.severity_id) == ("HighLatency on api-1", 1)
            assert incident.impact_started_at < incident.detected_at
            assert Escalation.objects.filter(incident=incident).exists()

            tell(alertmanager, alert("DiskFull", severity="warning"))
            until(lambda: due.tick(rung=True) and Alert.objects.count() == 2)
            assert Incident.objects.count() == 1

            over = datetime.now(UTC)
            tell(alertmanager, alert("HighLatency", ends_at=over), alert("DiskFull", severity="warning", ends_at=over))
            until(lambda: due.tick(rung=True) and Incident.objects.get().status == Status.RESOLVED)

    assert set(Alert.objects.values_list("status", flat=True)) == {"resolved"}
    assert not RawEvent.objects.exclude(rejected_because="").exists()
