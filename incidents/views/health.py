"""Who watches the watcher: liveness, readiness, metrics."""

from django.db import DatabaseError
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from incidents import gauges, pulse


@never_cache
@require_safe
def healthz(request: object) -> HttpResponse:
    """The process is up."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: object) -> HttpResponse:
    """The database answers, the last tick is young, nothing due is late, the canary came: 200, else 503 and why."""
    try:
        now = pulse.read()
        troubles = pulse.troubles()
    except DatabaseError as error:
        return JsonResponse(
            {"ready": False, "database": f"{error}".splitlines()[0] if f"{error}" else "away"}, status=503
        )
    figures = {
        "ready": not troubles,
        "database": "ok",
        "last_tick_seconds_ago": None if now.silence is None else round(now.silence, 3),
        "oldest_due_seconds": round(now.late_seconds, 3),
        "problem": " ".join(troubles) or None,
    }
    return JsonResponse(figures, status=503 if troubles else 200)


@never_cache
@require_safe
def metrics(request: object) -> HttpResponse:
    """Figures for Prometheus, read from the rows at this moment."""
    return HttpResponse(gauges.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")
