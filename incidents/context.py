"""What the shell of every page needs to know, asked only where a shell is drawn: a fragment pays nothing."""

from typing import Any

from django.db.models import Count, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from incidents import pulse
from incidents.models import Incident, User
from incidents.states import Kind


def shell(request: HttpRequest) -> dict[str, Any]:
    """Real open incidents for this person, a P0 among them or not, whether the engine is late (1 query)."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    drawn: Any = SimpleLazyObject(lambda: _draw(user))
    return {
        "open_count": SimpleLazyObject(lambda: drawn["all"]),
        "p0_open": SimpleLazyObject(lambda: drawn["p0"]),
        "engine": SimpleLazyObject(lambda: drawn["engine"]),
    }


def _draw(user: User) -> dict[str, Any]:
    rows = Incident.objects.visible_to(user).open().filter(kind=Kind.REAL)
    engine, counts = pulse.read_with(all=_count(rows), p0=_count(rows.filter(severity=0)))
    return {"engine": engine, **counts}


def _count(rows: QuerySet[Incident]) -> Coalesce:
    """How many rows there are, as a part of another query."""
    counted = rows.order_by().annotate(one=Value(1)).values("one").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)
