"""What every test may ask for, and what is said at the end about tests that were left out."""

import importlib
import shutil
from urllib.parse import quote

import pytest
import redis
from django.apps import apps
from django.conf import settings
from django.db import connection

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ALERTMANAGER_NAMES = ("prometheus-alertmanager", "alertmanager")
SHIPPED_BY = (
    "incidents.migrations.0002_ship_severities",
    "incidents.migrations.0008_ship_roles",
    "incidents.migrations.0011_ship_assessment",
    "incidents.migrations.0016_ship_checklists",
    "oncall.migrations.0002_ship_policies",
    "postmortems.migrations.0005_ship_action_deadlines",
    "postmortems.migrations.0008_ship_wording",
)
NEEDS = {
    "browser": (CHROMIUM_NAMES, "no Chromium was found (on Debian: apt-get install chromium)"),
    "alertmanager": (
        ALERTMANAGER_NAMES,
        "no Alertmanager was found (on Debian: apt-get install prometheus-alertmanager)",
    ),
}


def first_on_path(names):
    return next((path for path in map(shutil.which, names) if path), None)


def pytest_collection_modifyitems(items):
    for item in items:
        marker = item.get_closest_marker("django_db")
        if marker and marker.kwargs.get("transaction"):
            item.fixturenames.insert(
                0, "shipped_afterwards"
            )  # set up before the database, so torn down after its flush
    for marker, (names, reason) in NEEDS.items():
        if first_on_path(names) is None:
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=f"left out: {reason}"))


def pytest_terminal_summary(terminalreporter):
    """Say aloud which tests were left out and why; a run that is silent about it would pass for a whole one."""
    left_out = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        left_out.setdefault(reason.removeprefix("Skipped: ").removeprefix("left out: "), []).append(report.nodeid)
    for reason, names in sorted(left_out.items()):
        terminalreporter.section(f"{len(names)} tests left out: {reason}", sep="!")
        for name in sorted(names):
            terminalreporter.line(f"  {name}")


@pytest.fixture
def shipped_afterwards(django_db_setup, django_db_blocker):
    """Bring back the rows that migrations ship, which the flush after a committing test takes away."""
    yield
    with django_db_blocker.unblock():
        if apps.get_model("incidents", "Severity").objects.exists():
            return
        for name in SHIPPED_BY:
            importlib.import_module(name).ship(apps, None)


@pytest.fixture
def committed_db(shipped_afterwards, transactional_db):
    """A database in which the test commits, with all that migrations ship; use it without a mark for the database."""


@pytest.fixture(scope="session")
def chromium_path():
    """The path of a Chromium; tests that ask for it carry the marker ``browser``."""
    return first_on_path(CHROMIUM_NAMES) or pytest.skip(f"left out: {NEEDS['browser'][1]}")


@pytest.fixture(scope="session")
def alertmanager_path():
    """The path of an Alertmanager; tests that ask for it carry the marker ``alertmanager``."""
    return first_on_path(ALERTMANAGER_NAMES) or pytest.skip(f"left out: {NEEDS['alertmanager'][1]}")


@pytest.fixture(scope="session")
def broker_url(worker_id):
    """The address for CELERY_BROKER_URL of this test process's own database in the run's Valkey."""
    number = int(worker_id.removeprefix("gw") or 0) % 15 + 1 if worker_id.startswith("gw") else 0
    base, _, _ = settings.CELERY_BROKER_URL.partition("?")
    return f"{base}?virtual_host={number}" if base.startswith("redis+socket") else base


@pytest.fixture
def broker(broker_url):
    """A client of the run's Valkey, emptied before and after, to look into queues or to play the fault of a flush."""
    address = broker_url.replace("redis+socket://", "unix://").replace("virtual_host", "db")
    with redis.Redis.from_url(address) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def database_url(db):
    """The address of this test process's database, for programs that a test starts (with ``transactional_db``)."""
    told = connection.settings_dict
    port = f"&port={told['PORT']}" if told["PORT"] else ""
    return f"postgresql://{told['USER']}:{quote(told['PASSWORD'])}@/{told['NAME']}?host={quote(told['HOST'])}{port}"
