"""Steps of the tests that send: one way for one person, an incident that pages now, what is due on a channel."""

from datetime import timedelta

from django.utils import timezone

from incidents import due
from oncall import contacts, sending
from oncall.models import Attempt, ContactMethod, Delivery
from tests.oncall.conftest import story


def reached_by(person, channel, address):
    """Ada has this one way alone, which is verified."""
    person.contact_methods.all().delete()
    return contacts.add(person, channel=channel, address=address, verified=True, at=timezone.now())


def declared(chain, **said):
    incident = chain.declare(2, at=timezone.now() - timedelta(seconds=1), **said)
    due.settle(due.database_now())
    return incident


def send(channel, **later):
    sending.send_due(channel, at=due.database_now() + timedelta(**later))
    return Delivery.objects.filter(channel=channel).order_by("pk").last()


def everything_written(incident):
    """Whatever people can read of a delivery."""
    yield from story(incident)
    yield from Delivery.objects.values_list("error", flat=True)
    yield from Delivery.objects.values_list("address", flat=True)
    yield from Attempt.objects.values_list("detail", flat=True)
    yield from ContactMethod.objects.values_list("address", flat=True)
    yield from ContactMethod.objects.values_list("secret", flat=True)
    yield from map(str, ContactMethod.objects.all())
