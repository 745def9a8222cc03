"""Who has an incident's page open just now. A hint for the others, never a lock."""

from datetime import datetime, timedelta

from incidents.models import Incident, Presence, User

BEAT = timedelta(seconds=20)  # between two signs of a page
GONE_AFTER = 2.5 * BEAT


def note(incident: Incident, *, by: User, at: datetime) -> None:
    """Note that the person is here (1 query)."""
    sign = Presence(incident=incident, user=by, seen_at=at)
    Presence.objects.bulk_create(
        [sign], update_conflicts=True, unique_fields=["incident", "user"], update_fields=["seen_at"]
    )


def here(incident: Incident, at: datetime) -> list[User]:
    """Who is here, by name (1 query)."""
    rows = Presence.objects.filter(incident=incident, seen_at__gt=at - GONE_AFTER, user__is_active=True)
    return [row.user for row in rows.select_related("user").order_by("user__name", "pk")]
