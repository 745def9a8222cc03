"""When somebody is deactivated, whoever comes after them takes over, and the others keep their turns (O47).

``oncall.rota`` by itself only leaves a deactivated person out: a turn of theirs alone is empty, and the layer below
answers. That holds from the very instant and needs no row. What follows here is an edit, as an administrator would make
it: every layer goes on without the person, from the instant on. Being an edit it keeps the past, and who is made active
again does not get turns back that others have by now.

It runs inside ``people.deactivate``; the due source finds what was deactivated on another way.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from incidents import due
from incidents.models import User
from oncall import scheduling, swapping
from oncall.models import LayerPerson, Schedule


@transaction.atomic
def depart(person: User, at: datetime) -> int:
    """Take the person out of every layer from the instant on and drop their swaps; return how many schedules it was."""
    present = Q(layer__effective_until=None) | Q(layer__effective_until__gt=at)
    places = LayerPerson.objects.filter(present, user=person)
    ids = sorted(set(places.values_list("layer__schedule", flat=True)))
    for schedule in Schedule.objects.filter(pk__in=ids).order_by("pk"):
        scheduling.leave_out(schedule, person.pk, at=at)
    swapping.drop(person, at=at)
    return len(ids)


def fill_due(at: datetime) -> due.Done:
    """Let those go who were deactivated without ``people.deactivate``: the due source ``departures``."""
    return due.do_set("departures", waiting(at), _fill, at)


def _fill(places: Sequence[int], at: datetime) -> int:
    people = User.objects.filter(pk__in=waiting(at).filter(pk__in=places).values("user")).order_by("pk")
    return sum(depart(person, at) for person in people)


def waiting(at: datetime) -> QuerySet[LayerPerson]:
    """Places of inactive people in layers that count now or later."""
    present = Q(layer__effective_until=None) | Q(layer__effective_until__gt=at)
    return LayerPerson.objects.filter(present, user__is_active=False).order_by("pk")
