"""Read postmortems: which a person may see, what each still owes, in which order they stand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from incidents.models import Incident, Participant, PostmortemRule, User
from incidents.states import Kind, Status
from postmortems import templating
from postmortems.models import DocumentStatus, Postmortem, Section, SectionKey
from postmortems.prompts import Prompt

LATE, DUE, OPEN_AGAIN, FREE, PUBLISHED = range(5)  # what a postmortem owes, in the order of the list
LOOKS = {LATE: "bad", PUBLISHED: "ok"}
ICONS = {LATE: "circle-alert", DUE: "clock", OPEN_AGAIN: "undo-2", PUBLISHED: "check"}
WORDS = {OPEN_AGAIN: "incident open again", FREE: "no deadline", PUBLISHED: "published"}
NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


@dataclass(frozen=True)
class Standing:
    """A postmortem and what it owes. ``words`` are empty where a clock runs; ``written`` counts sections with text."""

    document: Postmortem
    incident: Incident
    stage: int
    written: int
    look: str
    icon: str
    words: str
    sections: int = len(SectionKey)

    @property
    def is_published(self) -> bool:
        """It is read, not written any more."""
        return self.stage == PUBLISHED


def standing(document: Any) -> Standing:
    """Tell what a postmortem from ``visible_to`` owes."""
    look, icon = LOOKS.get(document.stage, ""), ICONS.get(document.stage, "circle-dashed")
    words = WORDS.get(document.stage, "")
    return Standing(document, document.incident, document.stage, document.written, look, icon, words)


def visible_to(user: User, at: datetime) -> QuerySet[Postmortem]:
    """What the person may see, with its ``stage``: late ones first, the oldest deadline on top, published ones last.

    A deadline counts where the level requires or recommends a postmortem or somebody has begun to write (R-29, R-75);
    an incident that was only written down afterwards sets none.
    """
    sections = Section.objects.filter(postmortem=OuterRef("pk"))
    written = sections.exclude(text="").order_by().values("postmortem").annotate(number=Count("pk")).values("number")
    asked_for = Q(begun=True) | ~Q(incident__severity__postmortem_rule=PostmortemRule.OPTIONAL)
    stage = Case(
        When(status=DocumentStatus.PUBLISHED, then=Value(PUBLISHED)),
        When(incident__status=Status.OPEN, then=Value(OPEN_AGAIN)),
        When(~asked_for | Q(incident__kind=Kind.BACKFILL), then=Value(FREE)),
        When(due_at__lt=at, then=Value(LATE)),
        default=Value(DUE),
        output_field=IntegerField(),
    )
    return (
        Postmortem.objects.filter(incident__in=Incident.objects.visible_to(user))
        .annotate(begun=Exists(sections.filter(version__gt=1)), written=Coalesce(Subquery(written), 0))
        .annotate(stage=stage)
        .select_related("incident__severity", "incident__service__team", "owner", "template_version")
        .order_by("stage", Case(When(stage__lte=DUE, then=F("due_at"))), "-due_at", "-pk")
    )


def headline(user: User, at: datetime) -> str:
    """One sentence on what is owed (1 query)."""
    mine = visible_to(user, at).order_by()
    owed = mine.aggregate(late=Count("pk", filter=Q(stage=LATE)), due=Count("pk", filter=Q(stage=DUE)))
    if owed["late"]:
        rest = f", {_count(owed['due']).lower()} to write" if owed["due"] else ""
        return f"{_count(owed['late'])} postmortem{'s are' if owed['late'] > 1 else ' is'} late{rest}"
    if owed["due"]:
        return f"{_count(owed['due'])} postmortem{'s' if owed['due'] > 1 else ''} to write, none is late"
    return "Nothing is owed"


def _count(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


@dataclass(frozen=True)
class Part:
    """A section as the page shows it."""

    section: Section
    prompt: Prompt
    state: str  # empty or draft
    icon: str


def parts_of(document: Postmortem) -> list[Part]:
    """The sections in their order (1 query)."""
    sections = Section.objects.filter(postmortem=document).select_related("edited_by").order_by("position", "pk")
    return [part(section, document) for section in sections]


def part(section: Section, document: Postmortem) -> Part:
    """Tell how far a section is."""
    state, icon = ("draft", "circle-dot") if section.text else ("empty", "circle")
    return Part(section, templating.prompt_of(document, section.key), state, icon)


@dataclass(frozen=True)
class Moment:
    """A step of the incident; ``after`` is counted from the detection."""

    label: str
    at: datetime
    after: timedelta | None


def moments_of(incident: Incident) -> list[Moment]:
    """The steps that are known, in their order (0 queries)."""
    began = incident.detected_at
    steps = [
        ("Impact began", incident.impact_started_at),
        ("Detected", began),
        ("Acknowledged", incident.acknowledged_at),
        ("Mitigated", incident.mitigated_at),
        ("Well again", incident.recovered_at),
        ("Resolved", incident.resolved_at),
    ]
    known = [(label, moment) for label, moment in steps if moment]
    return [Moment(label, moment, moment - began if moment > began else None) for label, moment in known]


def people_of(incident: Incident) -> list[User]:
    """Those who worked on it, in the order in which they joined (1 query)."""
    worked = Q(joined_at__isnull=False) | Q(user__in=(incident.acknowledged_by_id, incident.held_by_id))
    parts = Participant.objects.filter(worked, incident=incident).select_related("user").order_by("since", "pk")
    return [part.user for part in parts]
