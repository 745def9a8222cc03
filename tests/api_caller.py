"""Callers of API v1, as a test reads them: ``caller.post("services", slug=…)``."""

import json

from django.test import Client

from incidents.models import ApiToken, Scope
from tests.factories import AdministratorFactory, UserFactory

ROOT = "/api/v1/"


class Caller:
    """A person with a token; ``person=None`` knocks without one."""

    def __init__(self, person=None, scope=Scope.WRITE):
        self.person = person
        self.headers = {}
        if person is not None:
            self.token, secret = ApiToken.issue(person, scope=scope)
            self.headers = {"Authorization": f"Bearer {secret}"}
        self.client = Client()

    def get(self, path, **query):
        return self.client.get(ROOT + path, query, headers=self.headers)

    def get_all(self, path, **query):
        """Every item of a list, piece by piece."""
        answer = self.get(path, **query).json()
        items = answer["items"]
        while answer["next"]:
            answer = self.client.get(answer["next"], headers=self.headers).json()
            assert answer["items"], "an empty piece: the list would never end"
            items += answer["items"]
            assert len(items) < 1000, "the list never ends"
        return items

    def post(self, path, headers=None, **body):
        return self.send("POST", path, json.dumps(body), headers=headers)

    def patch(self, path, **body):
        return self.send("PATCH", path, json.dumps(body))

    def put(self, path, **body):
        return self.send("PUT", path, json.dumps(body))

    def send(self, method, path, body="", headers=None, **more):
        return self.client.generic(
            method, ROOT + path, body, "application/json", headers={**self.headers, **(headers or {})}, **more
        )


def administrator():
    return Caller(AdministratorFactory(), Scope.ADMIN)


def responder(**fields):
    return Caller(UserFactory(**fields))


def fields_of(response):
    """The names of the fields that a 422 complains about."""
    assert response.status_code == 422, response.content
    return [error["field"] for error in response.json()["errors"]]
