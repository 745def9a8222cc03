"""A POST that is sent twice is done once: the header ``Idempotency-Key`` is honoured for 24 hours."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from incidents.api.doors import ApiRequest, bearer
from incidents.api.problems import unfit
from incidents.models import IdempotentAnswer

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
KEY = re.compile(r"[\x21-\x7e]{1,200}")


def honoured(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Make a view honour the key on POST."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get(HEADER)
        if request.method != "POST" or key is None or bearer(request) is None:
            return view(request, *args, **kwargs)
        if not KEY.fullmatch(key):
            return unfit([(HEADER, "Use 1 to 200 visible ASCII characters.")])
        return _once(cast(ApiRequest, request), key, lambda: view(request, *args, **kwargs))

    return wrapper


@transaction.atomic
def _once(request: ApiRequest, key: str, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Let the key and what is done under it commit together: a crash leaves neither, so a retry does it again.

    A twin that comes meanwhile waits at the unique constraint until this transaction ends, and then gets this answer.
    A refusal did nothing and frees the key.
    """
    mine = IdempotentAnswer.objects.filter(user=request.user, key=key)
    mine.filter(created_at__lte=request.at - KEPT_FOR).delete()
    digest = _digest(request)
    row, is_first = mine.get_or_create(
        user=request.user, key=key, defaults={"request_digest": digest, "created_at": request.at}
    )
    if not is_first:
        return _again(row, digest)
    response = view()
    if not isinstance(response, HttpResponse) or response.status_code >= 300:
        transaction.set_rollback(True)
        return response
    row.status, row.body = response.status_code, response.content.decode()
    row.save(update_fields=["status", "body"])
    return response


def _again(row: IdempotentAnswer, digest: str) -> HttpResponse:
    if row.request_digest != digest:
        return unfit([(HEADER, "This key belongs to another request. Use a new key for a new request.")])
    response = HttpResponse(row.body, status=row.status, content_type="application/json; charset=utf-8")
    response["Idempotency-Replayed"] = "true"
    return response


def _digest(request: HttpRequest) -> str:
    """A keyed hash: a body may hold a password."""
    said = b"\n".join([request.get_full_path().encode(), request.body])
    return salted_hmac("incidents.api.once", said, algorithm="sha256").hexdigest()
