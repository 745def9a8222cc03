"""Who writes where just now. A hint for the others, never a lock."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from incidents.models import User
from postmortems.models import Postmortem, Section, Writer

BEAT = timedelta(seconds=10)  # between two signs of a browser
GONE_AFTER = 2.5 * BEAT
FORGOTTEN_AFTER = timedelta(hours=1)


def write_here(section: Section, *, by: User, at: datetime) -> None:
    """Note that a person has the section open for writing."""
    Writer.objects.update_or_create(section=section, user=by, defaults={"seen_at": at})
    Writer.objects.filter(section=section, seen_at__lt=at - FORGOTTEN_AFTER).delete()


def leave(section: Section, *, by: User) -> None:
    """Note that a person is done with it."""
    Writer.objects.filter(section=section, user=by).delete()


def others(section: Section, *, by: User, at: datetime) -> Sequence[User]:
    """Who else has it open (1 query)."""
    return [row.user for row in _present(at).filter(section=section).exclude(user=by)]


def in_document(document: Postmortem, at: datetime) -> dict[int, list[User]]:
    """Section -> who has it open, for the whole document (1 query)."""
    found: dict[int, list[User]] = {}
    for row in _present(at).filter(section__postmortem=document):
        found.setdefault(row.section_id, []).append(row.user)
    return found


def _present(at: datetime) -> QuerySet[Writer]:
    rows = Writer.objects.filter(seen_at__gt=at - GONE_AFTER, user__is_active=True)
    return rows.select_related("user").order_by("user__name", "pk")
