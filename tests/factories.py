"""Rows for tests. Each factory makes the least that is valid, and nothing that its name does not say."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from incidents.models import Access, Component, Integration, IntegrationKind, Membership, Rank, Service, Team, User
from oncall.models import (
    Channel,
    ContactMethod,
    EscalationLevel,
    EscalationPolicy,
    EscalationTarget,
    Layer,
    LayerPerson,
    Schedule,
)

VERIFIED_AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PASSWORD = "lantern-orbit-42"


class UserFactory(DjangoModelFactory):
    """A responder who cannot sign in by password; ``password=PASSWORD`` gives one."""

    class Meta:
        model = User

    email = factory.Sequence("person{}@example.com".format)
    name = factory.Sequence("Person {}".format)

    @classmethod
    def _create(cls, model_class, *args, **fields):
        return model_class.objects.create_user(**fields)


class AdministratorFactory(UserFactory):
    access = Access.ADMINISTRATOR


class TeamFactory(DjangoModelFactory):
    class Meta:
        model = Team

    slug = factory.Sequence("team-{}".format)
    name = factory.Sequence("Team {}".format)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    team = factory.SubFactory(TeamFactory)
    user = factory.SubFactory(UserFactory)
    rank = Rank.ENGINEER


class ServiceFactory(DjangoModelFactory):
    class Meta:
        model = Service

    slug = factory.Sequence("service-{}".format)
    name = factory.Sequence("Service {}".format)
    team = factory.SubFactory(TeamFactory)


class ComponentFactory(DjangoModelFactory):
    class Meta:
        model = Component

    service = factory.SubFactory(ServiceFactory)
    name = factory.Sequence("Component {}".format)


class IntegrationFactory(DjangoModelFactory):
    class Meta:
        model = Integration

    service = factory.SubFactory(ServiceFactory)
    kind = IntegrationKind.GENERIC
    name = factory.Sequence("Integration {}".format)


class ContactMethodFactory(DjangoModelFactory):
    """A verified e-mail address: it can be used at once."""

    class Meta:
        model = ContactMethod

    user = factory.SubFactory(UserFactory)
    channel = Channel.EMAIL
    address = factory.LazyAttribute(lambda method: method.user.email)
    verified_at = VERIFIED_AT


class LayerFactory(DjangoModelFactory):
    """Weekly turns from Monday 5 January 2026, 09:00 UTC; ``people=[a, b]`` gives each a slot of their own."""

    class Meta:
        model = Layer
        skip_postgeneration_save = True

    schedule = factory.SubFactory("tests.factories.ScheduleFactory", people=())
    name = "Primary"
    anchor = "2026-01-05T09:00"

    @factory.post_generation
    def people(self, create, people, **extra):
        for slot, user in enumerate(people or (), start=1):
            LayerPerson.objects.create(layer=self, slot=slot, user=user)


class ScheduleFactory(DjangoModelFactory):
    """A schedule with one weekly layer of one new person; ``people=[a, b]`` names them, ``people=[]``: no layer."""

    class Meta:
        model = Schedule
        skip_postgeneration_save = True

    slug = factory.Sequence("schedule-{}".format)
    name = factory.Sequence("Schedule {}".format)
    team = factory.SubFactory(TeamFactory)

    @factory.post_generation
    def people(self, create, people, **extra):
        people = [UserFactory()] if people is None else people
        if people:
            LayerFactory(schedule=self, people=people)


class EscalationPolicyFactory(DjangoModelFactory):
    """A policy without levels, for one new service and every severity."""

    class Meta:
        model = EscalationPolicy

    slug = factory.Sequence("policy-{}".format)
    name = factory.Sequence("Policy {}".format)
    service = factory.SubFactory(ServiceFactory)


class EscalationLevelFactory(DjangoModelFactory):
    """A level that pages at once while nobody acknowledged; its targets are rows of their own."""

    class Meta:
        model = EscalationLevel

    policy = factory.SubFactory(EscalationPolicyFactory)
    position = factory.Sequence(lambda number: number + 1)


class EscalationTargetFactory(DjangoModelFactory):
    """The people on call of the owning teams."""

    class Meta:
        model = EscalationTarget

    level = factory.SubFactory(EscalationLevelFactory)
