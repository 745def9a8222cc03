"""Load the organisation and play its past, in one transaction: it is there whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from config.demo import (
    catalog,
    drills,
    history_outages,
    history_payments,
    history_platform,
    history_search,
    now,
    people,
    rotas,
)
from config.demo.cast import Cast
from config.demo.payment import payment_incident
from config.demo.playing import Player, Stage
from config.demo.story import Story
from incidents.models import Incident, Team, User
from postmortems import digests


def is_empty() -> bool:
    """Nobody lives here yet: neither a team nor a person, whom a well-known password could harm."""
    return not Team.objects.exists() and not User.objects.exists()


def stories(at: datetime) -> list[Story]:
    """All stories as seen from ``at``, in the order in which they were declared."""
    told = (
        *history_payments.STORIES,
        *history_search.STORIES,
        *history_platform.STORIES,
        *history_outages.STORIES,
        *drills.STORIES,
        *now.STORIES,
        payment_incident(at),
    )
    return sorted(told, key=lambda story: story.begins(at) + timedelta(minutes=story.declared))


def load(at: datetime) -> list[Incident]:
    """Fill an empty database with Larkfield as it would look at ``at`` (UTC); returns its incidents.

    Nothing rings while it loads and no message leaves the machine.
    """
    with _quiet(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER SEQUENCE incidents_incident_number RESTART")
        staff = people.enrol(at)
        teams = people.form_teams(staff)
        services, doors = catalog.build(teams)
        primaries = rotas.build(teams, staff, at)
        stage = Stage(Cast(staff, primaries), services, doors, at)
        played = [Player(story, stage).play() for story in stories(at)]
        for digest in digests.waiting(at).select_related("person"):
            digest.due_at = digests.next_letter(digest.person, at)
            digest.save(update_fields=["due_at"])
        return played


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the doorbell still: the next tick of the clockwork is soon enough."""
    rings = settings.DOORBELL
    settings.DOORBELL = False
    try:
        yield
    finally:
        settings.DOORBELL = rings
