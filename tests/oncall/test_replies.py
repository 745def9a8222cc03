"""Answers to pages: who takes it, who cannot, and answers that come late."""

from datetime import timedelta

import pytest

from incidents import due, lifecycle
from oncall import messages, mustering, replies
from oncall.models import Page
from tests.oncall.conftest import START, after, paged, settle

pytestmark = pytest.mark.django_db


def page_of(incident, person):
    """The page that the ladder made; a muster may have made another."""
    ladder = Page.objects.exclude(level=mustering.LEVEL).select_related("person")
    return ladder.get(incident=incident, person=person, act="page")


def test_the_first_who_takes_it_has_acknowledged_the_incident(chain):
    incident = chain.declare(2)
    settle(seconds=0)

    words = replies.take(page_of(incident, chain.ada), at=after(minutes=1), via="by link")

    incident.refresh_from_db()
    assert words == f"You have {incident.ref}. Nobody else is called for it now."
    assert (incident.acknowledged_by, incident.acknowledged_at) == (chain.ada, after(minutes=1))
    assert page_of(incident, chain.ada).acknowledged_at == after(minutes=1)
    assert incident.timeline.get(kind="acknowledged").text == "Acknowledged by link."


def test_the_second_who_takes_it_joins(chain):
    incident = chain.declare(0)
    settle(minutes=5)
    replies.take(page_of(incident, chain.ada), at=after(minutes=6), via="by link")

    words = replies.take(page_of(incident, chain.lea), at=after(minutes=7), via="by link")

    assert words == f"Ada has {incident.ref}; you have joined."
    assert incident.participants.get(user=chain.lea).joined_at == after(minutes=7)


def test_taking_it_twice_changes_nothing(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    page = page_of(incident, chain.ada)
    replies.take(page, at=after(minutes=1), via="by link")
    lines = incident.timeline.count()

    assert replies.take(page, at=after(minutes=2), via="by link") == f"You have {incident.ref} already."
    assert incident.timeline.count() == lines


def test_an_answer_after_the_end_changes_nothing_and_says_so(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    lifecycle.resolve(incident, by=None, at=after(minutes=1))

    words = replies.take(page_of(incident, chain.ada), at=after(minutes=2), via="by link")

    incident.refresh_from_db()
    assert words == f"{incident.ref} is resolved already. Nothing was changed."
    assert incident.acknowledged_at is None


def test_who_cannot_passes_it_to_the_next_level_at_once(chain):
    incident = chain.declare(2)
    settle(seconds=0)

    words = replies.pass_on(page_of(incident, chain.ada), at=after(minutes=1), via="by link")
    due.settle(after(minutes=1) + timedelta(milliseconds=1))

    assert words == f"Noted. The next level of {incident.ref} is paged now."
    assert paged(incident) == ["Ada", "Lea"]


def test_passing_on_after_somebody_has_it_changes_nothing(chain):
    incident = chain.declare(2)
    settle(seconds=0)
    lifecycle.acknowledge(incident, by=chain.lea, at=after(minutes=1))

    words = replies.pass_on(page_of(incident, chain.ada), at=after(minutes=2), via="by link")

    assert words.startswith("Nobody waits for your answer")
    settle(minutes=2)
    assert paged(incident) == ["Ada"]


def test_a_forged_link_opens_nothing(chain):
    incident = chain.declare(2)
    due.settle(START + timedelta(seconds=1))
    token = messages.token_of(page_of(incident, chain.ada))

    assert messages.page_of(token).person == chain.ada
    for forged in ("", "x", token[:-1], token + "a", token.replace(token[3], "Z", 1)):
        with pytest.raises(Page.DoesNotExist):
            messages.page_of(forged)
