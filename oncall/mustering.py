"""Page whom a muster calls, and let rest whom it releases: the hooks of ``incidents.mustering``."""

from datetime import datetime

from django.db.models import Q

from incidents.models import Incident, MusterCall, Participant
from oncall import paging
from oncall.models import Act, Escalation, Page
from oncall.reach import Reach, Reached

LEVEL = 90  # of pages that no level of the ladder made, so that an acknowledgement does not end them


def page(incident: Incident, run: Escalation | None, at: datetime) -> None:
    """Page everybody on the roll-call who has neither joined nor answered nor a page that waits for an answer."""
    if run is None:
        return
    here = Participant.objects.filter(incident=incident, joined_at__isnull=False).values("user")
    answers = Q(ended_at=None) | Q(acknowledged_at__isnull=False)  # is being called, or has answered
    asked = Page.objects.filter(answers, incident=incident, act=Act.PAGE).values("person")
    calls = MusterCall.objects.filter(muster__incident=incident, released_at=None).exclude(person__in=here)
    reach = Reach([incident], [], at)
    wanted = [
        paging.Wanted(incident, run, LEVEL, Act.PAGE, Reached(row.person, f"all hands of {row.team.name}"))
        for row in calls.exclude(person__in=asked).select_related("person", "team").order_by("pk")
        if reach.methods(row.person)
    ]
    if wanted:
        paging.make(wanted, reach, at)


def rest(incident: Incident, at: datetime) -> None:
    """End the pages of those who were released."""
    released = MusterCall.objects.filter(muster__incident=incident, released_at__isnull=False).values("person")
    paging.end(Page.objects.filter(incident=incident, level=LEVEL, person__in=released), at=at, why="released")
