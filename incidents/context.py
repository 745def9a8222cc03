"""What the shell of every page needs to know."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest

from incidents import pulse
from incidents.models import Incident


def shell(request: HttpRequest) -> dict[str, Any]:
    """Open incidents of this person, whether a P0 is among them, whether the engine is late (3 queries)."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    counts = (
        Incident.objects.visible_to(user)
        .open()
        .aggregate(open_count=Count("pk"), p0_count=Count("pk", filter=Q(severity=0)))
    )
    return {"open_count": counts["open_count"], "p0_open": bool(counts["p0_count"]), "engine": pulse.read()}
