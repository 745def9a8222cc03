"""Escalation policies: who is told or paged when, as editable data."""

from datetime import timedelta

import pghistory
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from incidents.models import Rank, Service, Severity, User
from incidents.models.people import SLUG
from oncall.models.schedule import Schedule


class Condition(models.TextChoices):
    """Checked when a level fires: does it still apply?"""

    ALWAYS = "always", "Always"
    UNACKNOWLEDGED = "unacknowledged", "Not acknowledged"
    UNMITIGATED = "unmitigated", "Not mitigated"
    UNRESOLVED = "unresolved", "Not resolved"


class Act(models.TextChoices):
    """What a level does to its targets."""

    PAGE = "page", "Page (an acknowledgement is demanded)"
    INFORM = "inform", "Inform (no answer asked)"


class Hours(models.TextChoices):
    """When a level reaches its targets at all."""

    ANY = "", "At any hour"
    PERSON = "person", "Only people in their working hours"
    SCHEDULE = "schedule", "Only schedules in their working hours"


class TargetKind(models.TextChoices):
    """Whom a level reaches. All but schedule and user follow the teams that own the affected services."""

    ON_CALL = "on_call", "On call of the owning teams"
    SCHEDULE = "schedule", "On call of one schedule"
    USER = "user", "One person"
    RANK = "rank", "Everyone of a rank in the owning teams"
    CHAIN = "chain", "The whole chain of the owning teams"


@pghistory.track()
class EscalationPolicy(models.Model):
    """A ladder. The most specific one of (service, severity) is copied into each run when it starts."""

    slug = models.SlugField(unique=True, validators=[SLUG])
    name = models.CharField(max_length=80)
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty = every service."
    )
    severity = models.ForeignKey(
        Severity,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty = incidents whose severity nobody named, and levels without a policy of their own.",
    )
    repeat = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(20)], help_text="How often the ladder runs again when nobody answers."
    )
    repeat_after = models.DurationField(
        default=timedelta(minutes=5), help_text="Wait after the last level before the next round, or the fallback."
    )
    falls_back = models.BooleanField(
        default=True,
        help_text="Page the fallback contact when nobody answers. When nobody can be reached, P0 to P2 always do.",
    )
    resume_after = models.DurationField(
        default=timedelta(minutes=5),
        help_text="Who acknowledged and stays silent past the severity's timeout is paged again; so long after that "
        "the ladder goes on.",
    )
    is_active = models.BooleanField("active", default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service", "severity"],
                condition=Q(is_active=True),
                nulls_distinct=False,
                name="one_active_policy_per_service_and_severity",
                violation_error_message="There is an active policy for this service and severity already.",
            )
        ]
        verbose_name_plural = "escalation policies"

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class EscalationLevel(models.Model):
    """One rung of a policy."""

    policy = models.ForeignKey(EscalationPolicy, on_delete=models.CASCADE, related_name="levels")
    position = models.PositiveSmallIntegerField(help_text="Order of the levels; gaps are allowed.")
    after = models.DurationField(
        default=timedelta(0), help_text="Since the start of the contract (hours:minutes:seconds)."
    )
    business_hours = models.BooleanField(
        default=False, help_text="Count the delay in the owning team's business hours."
    )
    condition = models.CharField(max_length=16, choices=Condition, default=Condition.UNACKNOWLEDGED)
    act = models.CharField(max_length=8, choices=Act, default=Act.PAGE)
    hours = models.CharField(
        "working hours",
        max_length=8,
        choices=Hours,
        default=Hours.ANY,
        blank=True,
        help_text="Outside them the level passes over those it means. A person's are their team's, on their own clock; "
        "a schedule's are its team's, on the schedule's clock.",
    )
    round_robin = models.BooleanField(
        default=False, help_text="Page one of those it means, in turn: whoever was paged by this level longest ago."
    )
    everyone = models.BooleanField(
        "everyone must acknowledge",
        default=False,
        help_text="An answer stops only the person who gives it; the ladder goes on until all have answered.",
    )
    task_title = models.CharField(
        max_length=200,
        blank=True,
        help_text="A task for the Communications Lead that this level creates; empty = none.",
    )
    proposes = models.ForeignKey(
        Severity,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="A severity that this level proposes on the incident; a person accepts it.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "position"], name="level_position_is_unique_in_a_policy"),
            models.CheckConstraint(condition=Q(after__gte=timedelta(0)), name="level_delay_is_not_negative"),
            models.CheckConstraint(
                condition=Q(act="page") | Q(everyone=False, round_robin=False),
                name="only_a_level_that_pages_takes_turns_or_counts_answers",
                violation_error_message="Taking turns and answers from everyone are for levels that page.",
            ),
            models.CheckConstraint(
                condition=Q(everyone=False) | Q(round_robin=False),
                name="everyone_or_one_in_turn",
                violation_error_message="Choose one: everyone must acknowledge, or one in turn is paged.",
            ),
        ]

    def __str__(self) -> str:
        return f"level {self.position} of {self.policy}"


@pghistory.track()
class EscalationTarget(models.Model):
    """Someone whom a level reaches."""

    level = models.ForeignKey(EscalationLevel, on_delete=models.CASCADE, related_name="targets")
    kind = models.CharField(max_length=8, choices=TargetKind, default=TargetKind.ON_CALL)
    schedule = models.ForeignKey(Schedule, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="person"
    )
    rank = models.CharField(max_length=12, choices=Rank, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(kind="schedule", schedule__isnull=False, user=None, rank="")
                    | Q(kind="user", user__isnull=False, schedule=None, rank="")
                    | (Q(kind="rank", schedule=None, user=None) & ~Q(rank=""))
                    | Q(kind__in=["on_call", "chain"], schedule=None, user=None, rank="")
                ),
                name="target_names_what_its_kind_asks_for",
                violation_error_message="Fill in the one field that the kind of target asks for, and no other.",
            )
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class Turn(models.Model):
    """When a round-robin level last paged a person; the one longest ago is next."""

    level = models.ForeignKey(EscalationLevel, on_delete=models.CASCADE, related_name="turns")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    paged_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "person"], name="person_has_one_turn_on_a_level")]
