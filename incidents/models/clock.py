"""Obligations with a deadline."""

from django.db import models
from django.db.models import Q

from incidents.models.incident import Incident
from incidents.models.severity import Severity
from incidents.states import ClockState


class Rule(models.TextChoices):
    """What is owed, in the order in which the page shows it."""

    ACKNOWLEDGE = "acknowledge", "Acknowledged"
    RESPOND = "respond", "Joined"
    COMMANDER = "commander", "Commander joined"
    UPDATE = "update", "Update"
    MITIGATE = "mitigate", "Mitigated"
    RESOLVE = "resolve", "Resolved"
    POSTMORTEM = "postmortem", "Postmortem"


class Clock(models.Model):
    """One obligation of one incident. ``incidents.clocks`` writes it; a state once left is never taken on again."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="clocks")
    rule = models.CharField(max_length=16, choices=Rule)
    severity = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="UTC; met at this very instant is met (C-20).")
    met_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="UTC; when it was waived or superseded.")
    why = models.CharField(max_length=120, blank=True, help_text="Why it was waived or superseded.")
    state = models.CharField(max_length=12, choices=ClockState, default=ClockState.RUNNING)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "rule"], condition=Q(state="running"), name="one_running_clock_per_rule"
            )
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="running"), name="clock_running")]
