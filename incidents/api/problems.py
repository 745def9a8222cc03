"""Every answer that is not what was asked for: ``application/problem+json`` (RFC 9457), in words for the caller."""

import json
import logging
from collections.abc import Callable, Iterable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelInvalid
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import BaseModel

from incidents.refusals import Conflict, Invalid, NotAllowed, StaleVersion, TransitionError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
NO_TOKEN = "Send “Authorization: Bearer <token>” with the token of an active person that is not revoked."  # noqa: S105
NOT_THERE = "There is nothing here, or nothing that you may see."
OUR_WORDS = {
    "missing": "This field is needed.",
    "extra_forbidden": "There is no such field here.",
    "string_type": "Use text.",
    "int_type": "Use a whole number.",
    "bool_type": "Use true or false.",
    "list_type": "Use a list.",
    "model_type": "Use an object.",
    "model_attributes_type": "Use an object.",
    "dict_type": "Use an object.",
    "int_parsing": "Use a whole number.",
    "int_from_float": "Use a whole number.",
    "bool_parsing": "Use true or false.",
    "string_too_long": "Use at most {max_length} characters.",
    "string_too_short": "Use at least {min_length} character.",
    "too_long": "This is too long: at most {max_length}.",
    "too_short": "This is too short: at least {min_length}.",
    "greater_than": "Use a number above {gt}.",
    "greater_than_equal": "Use {ge} or more.",
    "less_than": "Use a number below {lt}.",
    "less_than_equal": "Use {le} or less.",
    "string_pattern_mismatch": "This is not of the form that the API’s description asks for.",
    "literal_error": "Use one of {expected}.",
    "enum": "Use one of {expected}.",
}


class FieldError(BaseModel):
    """What is wrong with one field; an empty name means the whole body."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong, in words."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError]


def problem(status: int, detail: str, errors: Iterable[tuple[str, str]] = (), *, kind: str = "") -> HttpResponse:
    """Return the answer; ``kind`` tells problems of one status apart and stays stable."""
    said = Problem(
        type=f"urn:tocsin:problem:{kind}" if kind else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=[FieldError(field=field, message=message) for field, message in errors],
    )
    response = HttpResponse(json.dumps(said.model_dump()), status=status, content_type=MEDIA_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="Tocsin"'
    return response


def unfit(errors: list[tuple[str, str]]) -> HttpResponse:
    """Return 422 with what is wrong in each field."""
    detail = " ".join(f"{field}: {message}" if field else message for field, message in errors[:5])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors, kind="invalid")


def register(api: NinjaAPI) -> None:
    """Teach the API to answer each refusal of a deed, and each mishap, as a problem."""

    def on(kind: type[Exception], answer: Callable[[Any], HttpResponse]) -> None:
        api.add_exception_handler(kind, lambda request, error: answer(error))

    on(AuthenticationError, lambda error: problem(401, NO_TOKEN, kind="no-token"))
    on(NotAllowed, lambda error: problem(403, str(error), kind="not-allowed"))
    on(Http404, lambda error: problem(404, NOT_THERE, kind="not-found"))
    on(ObjectDoesNotExist, lambda error: problem(404, NOT_THERE, kind="not-found"))
    on(StaleVersion, lambda error: problem(409, str(error), [("version", str(error))], kind="stale-version"))
    on(TransitionError, lambda error: problem(409, str(error), kind="not-possible-now"))
    on(Conflict, lambda error: problem(409, str(error), kind="conflict"))
    on(IntegrityError, _on_clash)
    on(RequestDataTooBig, lambda error: problem(413, "The body is larger than this server accepts.", kind="too-large"))
    on(Invalid, lambda error: unfit([(error.field, str(error))]))
    on(ValidationError, lambda error: unfit([_in_our_words(each) for each in error.errors]))
    on(ModelInvalid, lambda error: unfit(list(_of_model(error))))
    on(HttpError, _on_http_error)
    on(Exception, _on_mishap)


def spoken(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Make a view answer in problems where the framework would answer in plain text."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if "\0" in request.path:
            return problem(404, NOT_THERE, kind="not-found")
        for name, values in request.GET.lists():
            if any("\0" in text for text in (name, *values)):
                return unfit([(name.replace("\0", ""), "Leave out the character NUL.")])
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            return problem(404, NOT_THERE, kind="not-found")
        except RequestDataTooBig:
            return problem(413, "The body is larger than this server accepts.", kind="too-large")
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            return _method_refused(request, response["Allow"])
        return response

    wrapper.csrf_exempt = True  # type: ignore[attr-defined]  # no cookie opens the API
    return wrapper


def _method_refused(request: HttpRequest, allowed: str) -> HttpResponse:
    response = problem(405, f"{request.method} is not possible here. Possible: {allowed}.", kind="wrong-method")
    response["Allow"] = allowed
    return response


def _in_our_words(error: dict[str, Any]) -> tuple[str, str]:
    """Translate one error of pydantic: the path of the field below the body, and what is wrong."""
    source, *path = error["loc"]
    if source == "body":
        path = path[1:]  # the name of the view's own argument
    ours = OUR_WORDS.get(error["type"], "").format_map(error.get("ctx", {}))
    message = ours or error["msg"].removeprefix("Value error, ")
    return ".".join(str(step) for step in path), message


def _of_model(error: ModelInvalid) -> Iterable[tuple[str, str]]:
    if not hasattr(error, "error_dict"):
        yield from (("", message) for message in error.messages)
        return
    for field, messages in error.message_dict.items():
        yield from (("" if field == "__all__" else field, message) for message in messages)


def _on_clash(error: IntegrityError) -> HttpResponse:
    """Two who pass the same check at once: the database lets one through."""
    log.info("a clash was refused: %s", str(error).partition("\n")[0])
    detail = "Somebody has just saved something that contradicts this. Look again, then decide."
    return problem(409, detail, kind="clash")


def _on_http_error(error: HttpError) -> HttpResponse:
    cause = error.__cause__
    if isinstance(cause, Invalid):
        return unfit([(cause.field, str(cause))])
    if isinstance(cause, RequestDataTooBig):
        return problem(413, "The body is larger than this server accepts.", kind="too-large")
    if error.status_code == HTTPStatus.BAD_REQUEST:
        why = f" {cause}." if isinstance(cause, json.JSONDecodeError) else ""
        return problem(400, f"The body is not JSON.{why}", kind="not-json")
    return problem(error.status_code, str(error))


def _on_mishap(error: Exception) -> HttpResponse:
    log.error("the API failed", exc_info=error)
    return problem(500, "Something broke on our side. It is in the log; nothing of this was saved.", kind="broken")
