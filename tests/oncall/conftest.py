"""A team with a full chain and a service, for tests of the pager."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from incidents import due, lifecycle
from incidents.models import Incident, Notice, Rank, Service, Severity, Team, User
from oncall import mustering, rosters, rota
from oncall.models import Channel, Page, Schedule
from tests.factories import (
    AdministratorFactory,
    ContactMethodFactory,
    LayerFactory,
    MembershipFactory,
    ScheduleFactory,
    ServiceFactory,
    TeamFactory,
    UserFactory,
)
from tests.providers.server import Provider
from tests.providers.twilio import NUMBER, Twilio

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # the night on which Berlin's clocks go forward
WAYS = (Channel.VOICE, Channel.SMS, Channel.CHAT, Channel.EMAIL, Channel.IN_APP)


def reachable(name, ways=WAYS, **fields):
    """A person with one verified method on each way."""
    user = UserFactory(name=name, **fields)
    for way in ways:
        ContactMethodFactory(user=user, channel=way, address=f"{name.lower()}-{way}@example.com")
    return user


@dataclass
class Chain:
    """One team: Ada is on call, Lea leads, Eli is the expert, Dan directs, Eve is the executive."""

    team: Team
    service: Service
    schedule: Schedule
    ada: User
    lea: User
    eli: User
    dan: User
    eve: User

    def declare(self, level, *, at=START, **said) -> Incident:
        severity = Severity.objects.get(level=level)
        said = {"title": "Payments fail", "service": self.service, "severity": severity} | said
        return lifecycle.declare(lifecycle.Declaration(**said), by=None, at=at)


@pytest.fixture
def chain(db):
    return make_chain()


@pytest.fixture
def transactional_chain(transactional_db):
    """The same, for tests in which several connections meet."""
    return make_chain()


def make_chain():
    team = TeamFactory(name="Payments")
    ada, lea, eli, dan, eve = (reachable(name) for name in ("Ada", "Lea", "Eli", "Dan", "Eve"))
    ranks = (Rank.ENGINEER, Rank.LEAD, Rank.EXPERT, Rank.DIRECTOR, Rank.EXECUTIVE)
    for person, rank in zip((ada, lea, eli, dan, eve), ranks, strict=True):
        MembershipFactory(team=team, user=person, rank=rank)
    schedule = ScheduleFactory(name="Payments weekly", team=team, people=[ada])
    service = ServiceFactory(name="Checkout", team=team)
    return Chain(team, service, schedule, ada, lea, eli, dan, eve)


def after(**span):
    """The instant so long after the start."""
    return START + timedelta(**span)


def settle(**span):
    """Let the engine do what is due just past an instant after the start."""
    due.settle(after(**span) + timedelta(milliseconds=1))


def pages(incident):
    """Who was paged or informed by the ladder so far: (name, act, level), in order; a muster is no part of it."""
    rows = (
        Page.objects.filter(incident=incident)
        .exclude(level=mustering.LEVEL)
        .select_related("person")
        .order_by("created_at", "level", "pk")
    )
    return [(page.person.name, str(page.act), page.level) for page in rows]


def paged(incident):
    """Who was paged so far, in order."""
    return [name for name, act, _ in pages(incident) if act == "page"]


def story(incident):
    """The texts of the timeline, in order."""
    return list(incident.timeline.order_by("seq").values_list("text", flat=True))


NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)  # a Wednesday on which Cy is on call in the trio
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass
class Trio:
    """Ada, Ben and Cy in daily turns from Monday 5 January 2026, 00:00 UTC; Root administers; Eve is a stranger."""

    schedule: Schedule
    ada: User
    ben: User
    cy: User
    root: User
    eve: User

    def on_call(self, at):
        roster = rosters.load([self.schedule.pk])[self.schedule.pk]
        names = {person.pk: person.name for person in (self.ada, self.ben, self.cy, self.root, self.eve)}
        return [names[each.person] for each in rota.on_call(roster, at)]

    def final(self, start, end):
        return rota.final(rosters.load([self.schedule.pk])[self.schedule.pk], start, end)


@pytest.fixture
def trio(db):
    return make_trio()


def make_trio():
    team = TeamFactory(name="Payments")
    ada, ben, cy = (UserFactory(name=name) for name in ("Ada", "Ben", "Cy"))
    for person in (ada, ben, cy):
        MembershipFactory(team=team, user=person)
    schedule = ScheduleFactory(name="Payments daily", slug="payments", team=team, people=[])
    LayerFactory(schedule=schedule, people=[ada, ben, cy], anchor="2026-01-05T00:00", unit="day")
    return Trio(schedule, ada, ben, cy, AdministratorFactory(name="Root"), UserFactory(name="Eve"))


def told(person):
    """The subjects of what the person must be told, in order."""
    return list(Notice.objects.filter(person=person).order_by("pk").values_list("subject", flat=True))


@pytest.fixture
def provider():
    """A server that says 200 to everything until it is told otherwise."""
    server = Provider()
    yield server
    server.close()


@pytest.fixture
def twilio(settings):
    settings.SANDBOX = False
    server = Twilio(settings)
    yield server
    server.close()


@pytest.fixture
def phone(chain):
    """Ada's phone, which takes texts and calls."""
    chain.ada.contact_methods.filter(channel__in=[Channel.SMS, Channel.VOICE]).update(address=NUMBER)
    return NUMBER


def only_ada(chain):
    """Nobody else is paged by SMS or phone."""
    for person in (chain.lea, chain.eli, chain.dan, chain.eve):
        person.contact_methods.exclude(channel=Channel.EMAIL).delete()


def names_on_call(schedule, at=None):
    """The names of those on call, now or at an instant."""
    rows = rota.on_call(rosters.load([schedule.pk])[schedule.pk], at or timezone.now())
    return [User.objects.get(pk=row.person).name for row in rows]


@pytest.fixture
def administrator(client):
    """A client in which an administrator is signed in."""
    client.force_login(AdministratorFactory())
    return client
