"""What ``manage.py doctor`` looks at, each in one plain sentence."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

import psycopg
from django.conf import settings
from django.core import checks
from django.core.mail import get_connection
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config.celery import app
from config.masking import masked
from incidents import due, pulse
from incidents.models import Organisation
from oncall import channels

OLDEST_POSTGRES = 140000  # as server_version_num
PATIENCE = 5  # seconds for each thing that is asked over a network
CLOCKS_APART = timedelta(seconds=5)


class Verdict(Enum):
    """How a thing stands."""

    WELL = "ok"
    NOTE = "note"
    BROKEN = "BROKEN"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    verdict: Verdict
    words: str


def well(subject: str, words: str) -> Finding:
    """It is as it should be."""
    return Finding(subject, Verdict.WELL, words)


def note(subject: str, words: str) -> Finding:
    """It works, and somebody may want to know this."""
    return Finding(subject, Verdict.NOTE, words)


def broken(subject: str, words: str) -> Finding:
    """It does not work. The words may come from a library, so secrets are masked."""
    return Finding(subject, Verdict.BROKEN, masked(" ".join(words.split())))


def examine() -> Iterator[Finding]:
    """Look at everything; without a database, at what can be seen without one."""
    yield from configuration()
    found = list(database())
    yield from found
    yield from broker()
    yield from mail()
    yield from transports()
    if any(finding.verdict is Verdict.BROKEN for finding in found):
        yield note("engine", "not looked at: it lives in the database")
        return
    for look in (fallback, clock, engine):
        yield from _looked(look)


def _looked(look: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
    try:
        return list(look())
    except DatabaseError as error:
        return [broken(look.__name__, f"the database answered: {error}")]


def configuration() -> Iterator[Finding]:
    """The system checks, those of a deployment included where the site is public."""
    found = checks.run_checks(include_deployment_checks=settings.SITE_IS_HTTPS)
    messages = [message for message in found if not message.is_silenced()]
    for message in messages:
        words = f"{message.msg} {message.hint or ''}".strip()
        yield broken("configuration", words) if message.is_serious() else note("configuration", words)
    if not messages:
        yield well(
            "configuration", f"no complaint; the site is {settings.PUBLIC_URL}, the data are in {settings.DATA_DIR}"
        )


def database() -> Iterator[Finding]:
    """Reached, new enough, up to date, and able to carry news."""
    try:
        with psycopg.connect(settings.DATABASE_URL, connect_timeout=PATIENCE) as line:
            version = line.info.server_version
        with psycopg.connect(settings.LISTEN_DATABASE_URL, connect_timeout=PATIENCE, autocommit=True) as line:
            line.execute("LISTEN tocsin_doctor")
    except psycopg.Error as error:
        yield broken("database", f"it cannot be reached: {error}")
        return
    if version < OLDEST_POSTGRES:
        yield broken("database", f"PostgreSQL {version // 10000} is too old; 14 or newer is needed")
        return
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        yield broken("database", f"it answered: {error}")
        return
    if missing:
        yield broken("database", f"{len(missing)} migrations are missing; run: manage.py migrate")
    else:
        where = "embedded" if settings.EMBEDDED else f"alias {DEFAULT_DB_ALIAS}"
        yield well("database", f"PostgreSQL {version // 10000} ({where}), up to date, LISTEN works")


def broker() -> Iterator[Finding]:
    """Reached, and somebody takes from it."""
    try:
        with app.connection(connect_timeout=PATIENCE) as line:
            line.ensure_connection(max_retries=1, timeout=PATIENCE)
        workers = app.control.ping(timeout=1)
    except Exception as error:  # each transport has exceptions of its own
        yield broken("broker", f"it cannot be reached: {error or type(error).__name__}")
        return
    if workers:
        yield well("broker", f"reached; {len(workers)} worker{'s' * (len(workers) > 1)} answered")
    else:
        yield broken("broker", "reached, but no worker answered; pages wait until one runs (or manage.py engine does)")


def mail() -> Iterator[Finding]:
    """The server of EMAIL_URL takes us."""
    if not settings.EMAIL_CONFIGURED:
        yield note(
            "mail", "EMAIL_URL is not set; " + ("mail goes to the sandbox" if settings.SANDBOX else "no mail leaves")
        )
        return
    try:
        server = get_connection(fail_silently=False)
        server.open()
        server.close()
    except OSError as error:  # smtplib's exceptions among them
        yield broken("mail", f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} does not take us: {error}")
    else:
        yield well("mail", f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT} takes us")


def transports() -> Iterator[Finding]:
    """What carries each channel here."""
    carried = "; ".join(f"{channel}: {carrier}" for channel, carrier in channels.describe().items())
    yield well("channels", carried)


def fallback() -> Iterator[Finding]:
    """Somebody is there when nobody else can be reached."""
    organisation = Organisation.objects.select_related("fallback").first()
    person = organisation and organisation.fallback
    if person and person.is_active:
        yield well("fallback", f"{person} is paged when nobody else can be reached")
    else:
        yield note(
            "fallback", "the organisation has no fallback contact, so a page may reach nobody; set one in the admin"
        )


def clock() -> Iterator[Finding]:
    """This machine and the database agree on the time."""
    apart = abs(due.database_now() - timezone.now())
    words = f"this machine and the database are {apart.total_seconds():.1f} s apart"
    yield note("clock", f"{words}; times on pages may look odd") if apart > CLOCKS_APART else well("clock", words)


def engine() -> Iterator[Finding]:
    """It ticks, and does what is due in time."""
    seen = pulse.read()
    if seen.is_late:
        yield broken("engine", f"{seen.words} Nobody is paged meanwhile; start beat and a worker, or manage.py engine.")
    else:
        yield well("engine", f"last tick {seen.silence:.1f} s ago, due work {seen.late_seconds:.1f} s late")
