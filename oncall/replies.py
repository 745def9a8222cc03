"""Answers to pages: who takes it, who cannot, and what happens to answers that come late."""

from datetime import datetime

from django.db import transaction

from incidents import lifecycle, timeline
from incidents.models import EntryKind, Incident
from incidents.refusals import TransitionError
from oncall import escalation
from oncall.models import Act, Page


@transaction.atomic
def take(page: Page, *, at: datetime, via: str) -> str:
    """The person takes the incident; returns what happened, in words for them. ``via`` such as “by link”.

    The first who answers acknowledges the incident; a later one joins it.
    """
    incident = (
        Incident.objects.select_for_update(no_key=True, of=("self",)).select_related("held_by").get(pk=page.incident_id)
    )
    if not incident.is_open:
        return f"{incident.ref} is {incident.get_status_display().lower()} already. Nothing was changed."
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


@transaction.atomic
def pass_on(page: Page, *, at: datetime, via: str) -> str:
    """The person cannot: the next level is paged at once; returns what happened, in words for them."""
    incident = Incident.objects.select_for_update(no_key=True).get(pk=page.incident_id)
    if page.act != Act.PAGE or page.ended_at is not None or incident.acknowledged or not incident.is_open:
        return f"Nobody waits for your answer on {incident.ref} any more. Nothing was changed."
    line = timeline.Line(incident, EntryKind.PAGE, f"Cannot take it, said {via}.", by=page.person)
    timeline.write([line], at=at)
    incident.save(update_fields=["timeline_seq"])
    Page.objects.filter(pk=page.pk).update(ended_at=at, repeat_at=None)
    try:
        escalation.escalate_now(incident, by=page.person, at=at)
    except TransitionError as refusal:
        return f"Noted. {refusal}"
    return f"Noted. The next level of {incident.ref} is paged now."
