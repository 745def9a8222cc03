"""What the shell of every page needs to know, asked only where a shell is drawn: a fragment pays nothing."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from incidents import pulse
from incidents.models import Incident, User
from incidents.states import Kind


def shell(request: HttpRequest) -> dict[str, Any]:
    """Real open incidents for this person, a P0 among them or not, whether the engine is late (3 queries)."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    counts: Any = SimpleLazyObject(lambda: _count_open(user))
    return {
        "open_count": SimpleLazyObject(lambda: counts["all"]),
        "p0_open": SimpleLazyObject(lambda: counts["p0"]),
        "engine": SimpleLazyObject(pulse.read),
    }


def _count_open(user: User) -> dict[str, int]:
    rows = Incident.objects.visible_to(user).open().filter(kind=Kind.REAL)
    return rows.aggregate(all=Count("pk"), p0=Count("pk", filter=Q(severity=0)))
