"""Review and publish over the API."""

import pytest

from incidents.models import Scope
from tests.api_caller import Caller, fields_of, responder
from tests.factories import UserFactory
from tests.postmortems.test_publishing import complete

pytestmark = pytest.mark.django_db


def test_i50_publishing_names_all_that_is_missing_and_then_goes_through(story):
    caller, home = responder(email="lee@example.com"), f"postmortems/{story.incident.number}"
    refused = caller.post(f"{home}/publish")
    assert refused.status_code == 409
    for said in ("Improvements is empty", "Lessons learned is empty", "no root cause", "no action item"):
        assert said in refused.json()["detail"]
    assert len(caller.get(f"{home}/publication").json()["missing"]) == 5

    complete(story, story.minute(60))
    asked = caller.post(f"{home}/review", reviewers=["lee@example.com"]).json()
    assert (asked["status"], asked["reviews"][0]["verdict"]) == ("in_review", "asked")
    assert fields_of(caller.post(f"{home}/review/answer", verdict="changes")) == ["note"]
    assert fields_of(caller.post(f"{home}/review", reviewers=["nobody@example.com"])) == ["reviewers.0"]
    assert caller.post(f"{home}/review/answer", verdict="approved").json()["missing"] == []
    done = caller.post(f"{home}/publish").json()

    assert (done["status"], done["missing"], done["open_hints"]) == ("published", [], 0)
    assert caller.post(f"{home}/publish").status_code == 409
    assert caller.post(f"incidents/{story.incident.number}/close").json()["status"] == "closed"


def test_who_may_what(story, begin):
    home = f"postmortems/{story.incident.number}"
    assert Caller(UserFactory(), Scope.READ).post(f"{home}/publish").status_code == 403
    hidden = begin(private=True)
    hidden.resolve()
    assert responder().get(f"postmortems/{hidden.incident.number}/publication").status_code == 404
