"""Remove the whole organisation: what the migrations shipped stays, everything else goes."""

from collections.abc import Iterator

from allauth.socialaccount.models import SocialApp
from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import Q, QuerySet

from config.demo import ORGANISATION
from config.demo.people import PEOPLE, address_of
from incidents.models import (
    AlertLevel,
    AssessmentAnswer,
    ChecklistItem,
    EngineBeat,
    Incident,
    LatenessBucket,
    Organisation,
    RoleCard,
    Severity,
    Team,
    User,
)
from oncall.models import CoverageCheck, EscalationLevel, EscalationPolicy, EscalationTarget
from postmortems.models import ActionDeadline, WordingRule

APPS = ("incidents", "oncall", "postmortems", "account", "socialaccount", "mfa", "admin", "sessions")
ENGINE = {CoverageCheck, EngineBeat, LatenessBucket}
SHIPPED = ENGINE | {AlertLevel, AssessmentAnswer, ChecklistItem, Organisation, RoleCard, Severity}
SHIPPED |= {EscalationPolicy, EscalationLevel, EscalationTarget, ActionDeadline, WordingRule}
KEPT = SHIPPED | {SocialApp}  # how people sign in is the machine's affair


def is_demo() -> bool:
    """The organisation bears the demo's name."""
    return Organisation.objects.filter(name=ORGANISATION).exists()


def strangers() -> QuerySet[User]:
    """People who are not of the demo: somebody has made this place their own."""
    return User.objects.exclude(email__in=[address_of(one.key) for one in PEOPLE])


def summary() -> str:
    """What would go, in a sentence."""
    others = strangers().count()
    text = (
        f"This deletes the organisation “{Organisation.objects.get()}” for good: {Incident.objects.count()} incidents "
        f"with their timelines, pages and postmortems, {User.objects.count()} people and {Team.objects.count()} teams "
        "with their services, schedules and own policies."
    )
    return f"{text} {others} of the people are not from the demo." if others else text


@transaction.atomic
def remove() -> None:
    """Delete every row that is not shipped. Severities and the default policies stay as they are, edited or not."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL tocsin.pruning = 'on'")
    EscalationTarget.objects.filter(Q(user__isnull=False) | Q(schedule__isnull=False)).delete()
    EscalationPolicy.objects.filter(service__isnull=False).delete()
    Organisation.objects.update(name=Organisation._meta.get_field("name").default, fallback=None)
    for model in _doomed():
        rows = model._base_manager.all()
        rows._raw_delete(rows.db)  # keys are checked at the end, so the order is free
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL tocsin.pruning = 'off'")


def _doomed() -> Iterator[type[models.Model]]:
    """The tables to empty; histories last, since each deletion adds to them."""
    known = [model for label in APPS for model in apps.get_app_config(label).get_models(include_auto_created=True)]
    rows = [model for model in known if model._meta.managed]
    histories = [model for model in rows if hasattr(model, "pgh_tracked_model")]
    yield from (model for model in rows if model not in histories and model not in KEPT)
    yield from (model for model in histories if model.pgh_tracked_model not in KEPT)
