"""Where no stream server stands in front, pages poll: these views say so."""

from django.http import HttpResponse
from django.views.decorators.http import require_GET

NO_STREAM = "Event streams are served by config.asgi; the page polls instead.\n"


@require_GET
def board_stream(request: object) -> HttpResponse:
    """Answered by ``incidents.streaming`` on the real server."""
    return HttpResponse(NO_STREAM, status=503, content_type="text/plain")


@require_GET
def incident_stream(request: object, number: int) -> HttpResponse:
    """Answered by ``incidents.streaming`` on the real server."""
    return HttpResponse(NO_STREAM, status=503, content_type="text/plain")
