"""The severity contract as data: every number of RULES section 9 is a cell that administrators may edit."""

from datetime import timedelta

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class PostmortemRule(models.TextChoices):
    """Whether a level asks for a postmortem (R-29)."""

    REQUIRED = "required", "Required"
    RECOMMENDED = "recommended", "Recommended"
    OPTIONAL = "optional", "Optional"


class DeadlineRule(models.TextChoices):
    """How a deadline without a fixed span is found (C-6)."""

    NONE = "none", "No deadline"
    SPAN = "span", "A fixed span"
    BUSINESS_DAY = "business_day", "End of the business day (after hours: of the next one)"
    BUSINESS_WEEK = "business_week", "End of the working week (from Friday noon: of the next one)"


def _span(help_text: str) -> "models.DurationField[timedelta | None, timedelta | None]":
    return models.DurationField(null=True, blank=True, help_text=f"{help_text} Hours:minutes:seconds; empty = none.")


@pghistory.track()
class Severity(models.Model):
    """One of the five levels with its whole contract. The order is fixed, the rest is editable (R-10 to R-14)."""

    level = models.PositiveSmallIntegerField(primary_key=True, help_text="0 is the most severe.")
    name = models.CharField(max_length=30)
    impact_scope = models.CharField(max_length=160)
    definition = models.TextField(help_text="When this level applies, in words for someone who has to choose.")
    examples = ArrayField(models.CharField(max_length=120), help_text="Separated by commas; shown while choosing.")
    user_impact = models.CharField(max_length=60)
    user_impact_percent = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(100)], help_text="Assumed share of users when nobody knows it, percent (R-24)."
    )
    response_requirement = models.CharField(max_length=160)
    response_time = models.CharField(max_length=120)
    on_call_requirement = models.CharField(max_length=60)
    responders = models.CharField(max_length=60)

    channels = ArrayField(models.CharField(max_length=12), help_text="Ways by which a page goes out, in order.")
    urgency_base = models.PositiveSmallIntegerField()
    escalate_unacked_after = _span("Shown beside the escalation; the policy's levels decide.")
    ack_rule = models.CharField(max_length=16, choices=DeadlineRule, default=DeadlineRule.SPAN)
    ack_deadline = _span("A person has acknowledged by then.")
    respond_rule = models.CharField(max_length=16, choices=DeadlineRule, default=DeadlineRule.SPAN)
    respond_by = _span("A responder has joined by then.")
    commander_by = _span("A commander has joined by then.")
    mitigate_by = _span("The bleeding has stopped by then (a clock of its own, C-20).")
    update_every = _span("Longest time between two updates.")
    acknowledgement_timeout = _span("After this the acknowledger is paged again.")
    repeat_call_every = _span("Calls are repeated at this distance until somebody acknowledges.")
    delivery_expires_after = models.DurationField(help_text="A message that could not go out by then expires, visibly.")
    postmortem_rule = models.CharField(max_length=12, choices=PostmortemRule)
    postmortem_due = models.DurationField(help_text="Counted from the resolution.")

    respond_target = models.DurationField(default=timedelta(minutes=5), help_text="Phase bar, from detection.")
    mitigate_target = models.DurationField(default=timedelta(minutes=15), help_text="Phase bar, from detection.")
    resolve_target = models.DurationField(default=timedelta(hours=1), help_text="Phase bar, from detection.")
    postmortem_target = models.DurationField(default=timedelta(hours=48), help_text="Phase bar, from detection.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(level__lte=4), name="there_are_five_severities"),
        ]
        verbose_name_plural = "severities"

    def __str__(self) -> str:
        return f"P{self.level} {self.name}"

    @property
    def label(self) -> str:
        """The short name, such as P0."""
        return f"P{self.level}"


class Question(models.TextChoices):
    """The five questions of the assessment (R-28), in their order."""

    CORE = "core", "What is hurt?"
    SCOPE = "scope", "How many users notice?"
    REVENUE = "revenue", "Does it cost money?"
    DATA = "data", "Is data lost or exposed?"
    WORKAROUND = "workaround", "Can users help themselves?"


@pghistory.track()
class AssessmentAnswer(models.Model):
    """One possible answer and the level that it speaks for: the rules of the assessment as data."""

    question = models.CharField(max_length=12, choices=Question)
    word = models.SlugField(max_length=20, help_text="Its name in the API.")
    place = models.PositiveSmallIntegerField(help_text="The order of the answers.")
    label = models.CharField(max_length=80)
    level = models.ForeignKey(
        Severity,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The level it speaks for; the most severe answer wins. Empty = it speaks for none.",
    )
    shift = models.SmallIntegerField(
        default=0,
        validators=[MinValueValidator(-2), MaxValueValidator(2)],
        help_text="Moves the suggestion: 1 = one level lower, −1 = one more severe. A workaround never lowers it below "
        "P3 (R-26); the number of users never makes a P0.",
    )
    because = models.CharField(max_length=120, blank=True, help_text="The reason as it is shown.")
    from_percent = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(100)],
        help_text="Scope only: the share of users, in percent, from which this answer fits.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["question", "word"], name="an_answer_is_given_once")]

    def __str__(self) -> str:
        return self.label


@pghistory.track()
class AlertLevel(models.Model):
    """What a word of a monitoring system means here: critical -> P1 (C-8). Compared in small letters."""

    word = models.CharField(max_length=40, unique=True, help_text="In small letters, as the source writes it.")
    severity = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.word} = P{self.severity_id}"
