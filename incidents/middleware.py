"""Between the server and the views."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from incidents.refusals import NotAllowed
from incidents.views.errors import forbidden


class RefusalMiddleware:
    """Answer a deed that a person may not do with 403 and the reason."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Translate NotAllowed, leave the rest."""
        return forbidden(request, exception) if isinstance(exception, NotAllowed) else None
