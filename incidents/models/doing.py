"""What is done during an incident: tasks, decisions with their objections, mitigation actions."""

from django.db import models
from django.db.models import Q

from incidents.models.command import Role
from incidents.models.incident import Incident
from incidents.models.people import User


class Task(models.Model):
    """Something to be done by one person, or by whoever holds a role. ``incidents.assigning`` writes it."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=200)
    owner = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16, choices=Role, blank=True, help_text="Who owes it when nobody is named.")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who asked for it; null = the ladder did.",
    )
    due_at = models.DateTimeField(null=True, help_text="UTC; the end of its time box, null = it has none.")
    prompted_at = models.DateTimeField(null=True, help_text="UTC; when the box ended and its giver was asked.")
    done_at = models.DateTimeField(null=True, help_text="UTC; when it was done or dropped, null = it is open.")
    done_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    dropped = models.BooleanField(default=False, help_text="It was given up, not done.")
    outcome = models.CharField(max_length=300, blank=True, help_text="What came of it.")
    follow_up = models.BooleanField(default=False, help_text="Belongs into the postmortem's improvements.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(owner__isnull=False, role="") | Q(owner=None) & ~Q(role=""),
                name="task_has_one_owner_or_a_role",
            ),
            models.CheckConstraint(
                condition=Q(dropped=False) | Q(done_at__isnull=False), name="a_dropped_task_is_over"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(done_at=None, prompted_at=None), name="task_box_running")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """It is to be done."""
        return self.done_at is None

    @property
    def whose(self) -> str:
        """Its owner in words; the owner is loaded."""
        return str(self.owner) if self.owner else f"the {self.get_role_display()}"


class Decision(models.Model):
    """Decided by the commander, at once or after asking for strong objections. ``incidents.deciding`` writes it."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="decisions")
    text = models.CharField(max_length=1000)
    asked_at = models.DateTimeField(null=True, help_text="UTC; null = it was decided at once.")
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    objections_until = models.DateTimeField(null=True, help_text="UTC; the end of the time for objections.")
    decided_at = models.DateTimeField(null=True, help_text="UTC; null = not yet, or withdrawn.")
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    prompted_at = models.DateTimeField(null=True, help_text="UTC; when the commander was told that the minute is over.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incident"],
                condition=Q(decided_at=None, withdrawn_at=None),
                name="one_decision_is_asked_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(decided_at=None, decided_by=None)
                | Q(decided_at__isnull=False, decided_by__isnull=False, withdrawn_at=None),
                name="a_decision_has_its_decider",
            ),
        ]
        indexes = [
            models.Index(
                fields=["objections_until"],
                condition=Q(decided_at=None, prompted_at=None, withdrawn_at=None),
                name="question_running",
            )
        ]

    def __str__(self) -> str:
        return self.text


class Objection(models.Model):
    """Somebody's strong objection, with the reason. Rows are added, never changed."""

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="objections")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=500)
    at = models.DateTimeField()


class Remedy(models.TextChoices):
    """The kinds of mitigation actions (R-34)."""

    ROLLBACK = "rollback", "Roll back"
    FAILOVER = "failover", "Fail over"
    LIMIT = "limit", "Limit or degrade"
    OTHER = "other", "Other"


class Worked(models.TextChoices):
    """What came of a mitigation action."""

    YES = "yes", "Worked"
    NO = "no", "Did not work"
    UNKNOWN = "unknown", "Not clear"


class MitigationAction(models.Model):
    """What one person tries to stop the bleeding, and what came of it. ``incidents.remedies`` writes it."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="mitigation_actions")
    remedy = models.CharField(max_length=10, choices=Remedy, default=Remedy.OTHER)
    text = models.CharField(max_length=300)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="UTC; null = it is under way.")
    worked = models.CharField(max_length=8, choices=Worked, blank=True, help_text="Empty = it is under way.")
    outcome = models.CharField(max_length=300, blank=True, help_text="What was seen afterwards.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(finished_at=None, worked="") | Q(finished_at__isnull=False, worked__in=Worked.values),
                name="a_finished_action_says_what_came_of_it",
            )
        ]

    def __str__(self) -> str:
        return self.text
