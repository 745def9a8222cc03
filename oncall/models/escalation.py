"""A running escalation and its own copy of the ladder."""

from datetime import timedelta

from django.db import models
from django.db.models import Q

from incidents.models import Incident, Severity
from oncall.models.policy import Act, Condition, EscalationLevel, Hours


class RunState(models.TextChoices):
    """What a run is doing."""

    ACTIVE = "active", "Active"
    PARKED = "parked", "Parked"
    EXHAUSTED = "exhausted", "Exhausted"
    ENDED = "ended", "Ended"


class Escalation(models.Model):
    """One climb of one incident under one severity. ``oncall.escalation`` alone writes it, incident locked first.

    An incident has one run that is not ended at most; a severity change ends it as superseded and starts another.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="escalations")
    severity = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")
    policy_name = models.CharField(max_length=80)
    generation = models.PositiveSmallIntegerField(
        default=1, help_text="Raised by each acknowledgement; late answers carry the one they saw."
    )
    loop = models.PositiveSmallIntegerField(
        default=0, help_text="Rounds of the ladder that were begun before this one."
    )
    repeat = models.PositiveSmallIntegerField(default=0)
    repeat_after = models.DurationField()
    falls_back = models.BooleanField(default=True, help_text="Turn to the fallback contact when nobody answers.")
    resume_after = models.DurationField(default=timedelta(minutes=5))
    state = models.CharField(max_length=10, choices=RunState, default=RunState.ACTIVE)
    why = models.CharField(max_length=60, blank=True, help_text="Why it is parked or ended.")
    started_at = models.DateTimeField(help_text="Start of the contract, UTC: delays count from here.")
    due_at = models.DateTimeField(null=True, help_text="UTC; next thing to do; null = nothing is waiting.")
    ended_at = models.DateTimeField(null=True)
    check_at = models.DateTimeField(null=True, help_text="UTC; when to see whether who acknowledged is still at it.")
    asked_at = models.DateTimeField(null=True, help_text="UTC; when they were paged again; null = not yet.")
    snoozed_until = models.DateTimeField(null=True, help_text="UTC; null = not snoozed.")
    not_before = models.DateTimeField(null=True, help_text="UTC; back-off after a failure.")
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incident"], condition=~Q(state="ended"), name="one_running_escalation_per_incident"
            ),
            models.CheckConstraint(
                condition=~Q(state="active") | Q(due_at__isnull=False), name="active_run_has_a_due_time"
            ),
            models.CheckConstraint(condition=~Q(state="parked") | ~Q(why=""), name="parked_run_has_a_reason"),
            models.CheckConstraint(condition=Q(snoozed_until=None) | Q(state="parked"), name="a_snoozed_run_is_parked"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="active"), name="escalation_due"),
            models.Index(fields=["check_at"], condition=Q(check_at__isnull=False), name="escalation_check"),
            models.Index(fields=["snoozed_until"], condition=Q(snoozed_until__isnull=False), name="escalation_snoozed"),
        ]


class StepState(models.TextChoices):
    """What became of a step."""

    WAITING = "waiting", "Waiting"
    FIRED = "fired", "Fired"
    SKIPPED = "skipped", "Skipped"
    PARKED = "parked", "Parked"
    CANCELLED = "cancelled", "Cancelled"


class EscalationStep(models.Model):
    """One level of a run, copied from the policy: an edit at 3 a.m. does not change who is being paged."""

    run = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="steps")
    loop = models.PositiveSmallIntegerField(default=0)
    level = models.PositiveSmallIntegerField(help_text="1, 2, 3 … without gaps, whatever the policy's numbers.")
    due_at = models.DateTimeField()
    after = models.DurationField(null=True, help_text="Since the start of its round, when it was copied.")
    condition = models.CharField(max_length=16, choices=Condition)
    act = models.CharField(max_length=8, choices=Act)
    targets = models.JSONField(
        help_text="[{kind, schedule?, user?, rank?}]: whom, by name; who that is, is found when it fires."
    )
    hours = models.CharField(max_length=8, choices=Hours, default=Hours.ANY, blank=True)
    everyone = models.BooleanField(default=False)
    round_robin = models.BooleanField(default=False)
    origin = models.ForeignKey(
        EscalationLevel, null=True, on_delete=models.SET_NULL, related_name="+", help_text="The level it was copied of."
    )
    by_hand = models.BooleanField(default=False, help_text="Brought forward by a person: its condition is lifted.")
    task_title = models.CharField(max_length=200, blank=True)
    proposes = models.ForeignKey(Severity, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=StepState, default=StepState.WAITING)
    fired_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "loop", "level"], name="step_is_unique_in_a_run")]
