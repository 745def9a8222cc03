"""The timeline: what happened, when, told by whom. Append-only, held by a database trigger."""

from typing import Self

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q

from incidents.models.incident import Incident
from incidents.models.people import User


class EntryKind(models.TextChoices):
    """What an entry tells. The first five are written by people."""

    NOTE = "note", "Note"
    FINDING = "finding", "Finding"
    DECISION = "decision", "Decision"
    ACTION = "action", "Action"
    UPDATE = "update", "Update"
    DETECTED = "detected", "Detected"
    DECLARED = "declared", "Declared"
    ALERT = "alert", "Alert"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    UNACKNOWLEDGED = "unacknowledged", "Given back"
    JOINED = "joined", "Joined"
    SEVERITY = "severity", "Severity changed"
    PHASE = "phase", "Phase"
    MITIGATED = "mitigated", "Mitigated"
    RESOLVED = "resolved", "Resolved"
    REOPENED = "reopened", "Reopened"
    CLOSED = "closed", "Closed"
    DECLINED = "declined", "Declined"
    MERGED = "merged", "Merged"
    RELATED = "related", "Related"
    ESCALATION = "escalation", "Escalation"
    PAGE = "page", "Page"
    DELIVERY = "delivery", "Delivery"
    CLOCK = "clock", "Clock"
    TASK = "task", "Task"
    POSTMORTEM = "postmortem", "Postmortem"
    IMPACT = "impact", "Impact"
    ROLE = "role", "Role"
    MUSTER = "muster", "Muster"
    CHECK = "check", "Checklist"
    RUNBOOK = "runbook", "Runbook"
    ASKED = "asked", "Strong objections?"
    OBJECTION = "objection", "Strong objection"

    @property
    def is_written(self) -> bool:
        """A person writes it, as opposed to what the system records."""
        return self.value in WRITTEN


WRITTEN = ("note", "finding", "decision", "action", "update")
CORRECTABLE = ("note", "finding")  # the others tell of deeds, which have ways of their own to be taken back
MILESTONES = ("detected", "mitigated", "resolved", "reopened", "closed")
DEEDS = (
    *(
        "acknowledged",
        "joined",
        "severity",
        "phase",
        "mitigated",
        "resolved",
        "reopened",
        "closed",
        "declined",
        "merged",
    ),
    *("impact", "task", "role", "update"),
)  # kinds that tell of a deed, so of a new version of the incident
NOISE = ("delivery",)
UNTOLD = ("delivery", "page")  # kinds in which nobody searches: they are many and all alike
STORY = SearchVector("text", config="english")  # what a search looks through

PICTURES = {
    "note": "message-square",
    "finding": "search-check",
    "decision": "gavel",
    "action": "wrench",
    "update": "megaphone",
    "detected": "siren",
    "declared": "siren",
    "alert": "bell-ring",
    "acknowledged": "user-check",
    "unacknowledged": "user-x",
    "joined": "user-plus",
    "severity": "gauge",
    "phase": "arrow-right",
    "mitigated": "shield-check",
    "resolved": "check",
    "reopened": "undo-2",
    "closed": "check",
    "declined": "circle-slash",
    "merged": "git-merge",
    "related": "link",
    "escalation": "chevrons-up",
    "page": "phone-call",
    "delivery": "mail",
    "clock": "circle-alert",
    "task": "list-checks",
    "postmortem": "notebook-pen",
    "impact": "users",
    "role": "hard-hat",
    "muster": "users",
    "check": "list-checks",
    "runbook": "book-open",
    "asked": "circle-question-mark",
    "objection": "hand",
}

UNLESS_PRUNING = """
    IF current_setting('tocsin.pruning', true) = 'on' THEN
        RETURN COALESCE(NEW, OLD);
    END IF;
    RAISE EXCEPTION 'the timeline is append-only: write a correction as a new entry';
"""


class TimelineQuerySet(models.QuerySet["TimelineEntry"]):
    """Lines of stories."""

    def standing(self) -> Self:
        """Keep what counts now: a line that was corrected stands in its correction's history alone."""
        return self.filter(replaced_by=None)


class TimelineEntry(models.Model):
    """One line of an incident's story. ``incidents.timeline`` alone adds rows; nothing changes or deletes one (I8).

    A correction is a line of its own that names the one it replaces; who spoke stays the same.
    """

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="timeline")
    seq = models.PositiveIntegerField(help_text="1, 2, 3 … within the incident, without gaps.")
    kind = models.CharField(max_length=16)
    occurred_at = models.DateTimeField(help_text="When it happened, UTC.")
    recorded_at = models.DateTimeField(help_text="When it was written down, UTC.")
    actor = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="null = the system"
    )
    role = models.CharField(max_length=40, blank=True, help_text="The role the person held then.")
    text = models.TextField(help_text="Markdown.")
    data = models.JSONField(default=dict)
    replaces = models.OneToOneField(
        "self", null=True, on_delete=models.CASCADE, related_name="replaced_by", help_text="The line it corrects."
    )
    corrected_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = TimelineQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "seq"], name="timeline_seq_is_unique")]
        indexes = [
            models.Index(fields=["incident", "-occurred_at", "-seq"], name="timeline_story"),
            GinIndex(STORY, name="timeline_words", condition=~Q(kind__in=UNTOLD)),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=UNLESS_PRUNING,
            )
        ]
        verbose_name_plural = "timeline entries"

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"

    @property
    def late(self) -> bool:
        """Written down more than a minute after it happened; a correction says so itself."""
        return self.replaces_id is None and (self.recorded_at - self.occurred_at).total_seconds() > 60

    @property
    def kind_label(self) -> str:
        """The kind in words."""
        return EntryKind(self.kind).label

    @property
    def picture(self) -> str:
        """The icon of the kind."""
        return PICTURES.get(self.kind, "message-square")

    @property
    def is_correctable(self) -> bool:
        """Its words and its time may be put right."""
        return self.kind in CORRECTABLE

    @property
    def is_milestone(self) -> bool:
        """Drawn as a line across the page."""
        return self.kind in MILESTONES


class Pin(models.Model):
    """The entry is part of the story so far. ``incidents.storytelling`` alone writes pins."""

    entry = models.OneToOneField(TimelineEntry, on_delete=models.CASCADE, related_name="pin")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"pin of {self.entry_id}"
