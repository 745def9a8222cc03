"""API v1: joins the routers of the floors, and says in OpenAPI what holds for every call."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, re_path
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

import incidents.api.assessment
import incidents.api.catalog
import incidents.api.deeds
import incidents.api.doing
import incidents.api.entries
import incidents.api.heartbeats
import incidents.api.incidents
import incidents.api.merging
import incidents.api.muster
import incidents.api.people
import incidents.api.practice
import incidents.api.quiet
import incidents.api.roles
import incidents.api.routing
import incidents.api.tasks
import incidents.api.updates
import incidents.api.watching
import oncall.api.contacts
import oncall.api.engine
import oncall.api.escalation
import oncall.api.overrides
import oncall.api.policies
import oncall.api.rules
import oncall.api.schedules
import oncall.api.simulation
import oncall.api.swaps
import postmortems.api.actions
import postmortems.api.comments
import postmortems.api.publishing
import postmortems.api.sections
import postmortems.api.whys
from incidents.api import once, problems
from incidents.api.bodies import StrictParser
from incidents.api.doors import Bearer

ROUTERS = (
    incidents.api.people.router,
    oncall.api.contacts.router,
    oncall.api.rules.router,
    incidents.api.catalog.router,
    incidents.api.routing.router,
    incidents.api.heartbeats.router,
    incidents.api.quiet.router,
    oncall.api.schedules.router,
    oncall.api.overrides.router,
    oncall.api.swaps.router,
    oncall.api.policies.router,
    incidents.api.incidents.router,
    incidents.api.entries.router,
    incidents.api.deeds.router,
    incidents.api.merging.router,
    incidents.api.roles.router,
    incidents.api.updates.router,
    incidents.api.doing.router,
    incidents.api.practice.router,
    incidents.api.tasks.router,
    incidents.api.muster.router,
    incidents.api.assessment.router,
    incidents.api.watching.router,
    oncall.api.escalation.router,
    oncall.api.simulation.router,
    oncall.api.engine.router,
    postmortems.api.sections.router,
    postmortems.api.whys.router,
    postmortems.api.actions.router,
    postmortems.api.publishing.router,
    postmortems.api.comments.router,
)
ABOUT = """\
Everything here asks for `Authorization: Bearer <token>`; an administrator makes a token with `manage.py token EMAIL`.
Times are RFC 3339 in UTC, spans whole seconds. Refusals are `application/problem+json`."""

PROBLEMS = {
    "400": "The body is not JSON.",
    "401": "No token, or none that is valid.",
    "403": "The person or the token may not do this.",
    "404": "There is nothing here, or nothing that you may see.",
    "409": "It changed since the version you saw, or its state does not allow this.",
    "413": "The body is too large.",
    "422": "Something in the request cannot be right; errors names the fields.",
}
WITHOUT_BODY = {"400", "409", "413"}
KEY = {
    "in": "header",
    "name": once.HEADER,
    "required": False,
    "description": "For 24 hours the same request under the same key is done once and gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


class Api(NinjaAPI):
    """NinjaAPI whose every answer, an unknown address included, is one that API v1 promises."""

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        """The addresses, each guarded, and one that catches all others."""
        patterns, app, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = problems.spoken(once.honoured(pattern.callback))
        return [*patterns, re_path("", problems.spoken(_nothing_here))], app, namespace

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The view's own name: they differ."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **where: Any) -> OpenAPISchema:
        """The schema, with the problems and the header that hold for every call."""
        schema = super().get_openapi_schema(**where)
        schema["components"]["schemas"]["Problem"] = _problem_schema()
        for method, call in _calls(schema):
            for status, description in PROBLEMS.items():
                if said := call["responses"].get(int(status)):  # a refusal that carries more than a problem
                    said["content"] = {problems.MEDIA_TYPE: said["content"].pop("application/json")}
                elif method != "get" or status not in WITHOUT_BODY:
                    call["responses"][status] = _refusal(description)
            if method == "post":
                call["parameters"] = [*call.get("parameters", []), KEY]
        return schema


def _nothing_here(request: HttpRequest) -> HttpResponse:
    return problems.problem(404, problems.NOT_THERE, kind="not-found")


def _calls(schema: OpenAPISchema) -> Iterator[tuple[str, dict[str, Any]]]:
    for methods in schema["paths"].values():
        yield from methods.items()


def _refusal(description: str) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {problems.MEDIA_TYPE: {"schema": reference}}}


def _problem_schema() -> dict[str, Any]:
    schema = problems.Problem.model_json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["FieldError"]
    return schema


api = Api(
    title="Tocsin",
    version="1",
    description=ABOUT,
    urls_namespace="api",
    auth=Bearer(),
    parser=StrictParser(),
)
problems.register(api)
for router in ROUTERS:
    api.add_router("", router)
