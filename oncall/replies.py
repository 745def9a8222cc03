"""Answers to pages: who takes it, who cannot, and what happens to answers that come late."""

from datetime import datetime

from django.db import transaction

from incidents import lifecycle, timeline
from incidents.models import EntryKind, Incident
from incidents.refusals import TransitionError
from oncall import bundling, escalation
from oncall.models import Act, Escalation, Page, RunState


@transaction.atomic
def take(page: Page, *, at: datetime, via: str) -> str:
    """The person takes the incident; returns what happened, in words for them. ``via`` such as “by link”.

    The first who answers acknowledges the incident; a later one joins it. An answer to an old message takes what nobody
    has in hand: whoever offers to take an incident is never turned away.
    """
    incident = (
        Incident.objects.select_for_update(no_key=True, of=("self",)).select_related("held_by").get(pk=page.incident_id)
    )
    if not incident.is_open:
        return _over(incident)
    Page.objects.filter(pk=page.pk, acknowledged_at=None).update(acknowledged_at=at, repeat_at=None)
    if not incident.acknowledged:
        lifecycle.acknowledge(incident, by=page.person, at=at, via=via)
        return f"You have {incident.ref}. Nobody else is called for it now."
    if incident.held_by_id == page.person_id:
        return f"You have {incident.ref} already."
    try:
        lifecycle.join(incident, by=page.person, at=at)
    except TransitionError:
        return f"You have joined {incident.ref} already."
    return f"{incident.held_by} has {incident.ref}; you have joined."


def take_all(page: Page, *, at: datetime, via: str) -> str:
    """The person takes the incident and those that the same message named; returns what happened, in words for them."""
    others = bundling.carried_with(page)
    words = [take(one, at=at, via=via) for one in (page, *others)]
    return " ".join(words) if len(words) < 4 else f"{words[0]} So with {bundling.say_refs(others)}."


@transaction.atomic
def pass_on(page: Page, *, at: datetime, via: str) -> str:
    """The person cannot: the next level is paged at once; returns what happened, in words for them."""
    incident = Incident.objects.select_for_update(no_key=True).get(pk=page.incident_id)
    if page.act != Act.PAGE or page.ended_at is not None or incident.acknowledged or not incident.is_open:
        return f"Nobody waits for your answer on {incident.ref} any more. Nothing was changed."
    if _is_late(page, incident):
        return _late(incident)
    line = timeline.Line(incident, EntryKind.PAGE, f"Cannot take it, said {via}.", by=page.person)
    timeline.write([line], at=at)
    incident.save(update_fields=["timeline_seq"])
    Page.objects.filter(pk=page.pk).update(ended_at=at, repeat_at=None)
    try:
        escalation.escalate_now(incident, by=page.person, at=at)
    except TransitionError as refusal:
        return f"Noted. {refusal}"
    return f"Noted. The next level of {incident.ref} is paged now."


@transaction.atomic
def resolve(page: Page, *, at: datetime, via: str) -> str:
    """The person says that it is over; returns what happened, in words for them."""
    incident = (
        Incident.objects.select_for_update(no_key=True, of=("self",)).select_related("held_by").get(pk=page.incident_id)
    )
    if not incident.is_open:
        return _over(incident)
    if _is_late(page, incident):
        return _late(incident)
    lifecycle.resolve(incident, by=page.person, at=at, note=f"Said {via}.")
    return f"{incident.ref} is resolved. Name its root cause in Tocsin when you can."


def _is_late(page: Page, incident: Incident) -> bool:
    """Did things change since this page? Its run is over, or somebody else answered between (generation)."""
    run = Escalation.objects.filter(pk=page.run_id).exclude(state=RunState.ENDED).first()
    if run is None:
        return True
    return run.generation != page.generation and incident.held_by_id != page.person_id


def _over(incident: Incident) -> str:
    return f"{incident.ref} is {incident.get_status_display().lower()} already. Nothing was changed."


def _late(incident: Incident) -> str:
    """The answer is to an older message than the present state; what it asked for may not be what is wanted now."""
    holder = f"{incident.held_by} has it" if incident.held_by else "it has moved on"
    return f"Your answer to {incident.ref} came late: {holder} since that message. Nothing was changed."
