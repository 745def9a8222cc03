"""What is done during an incident: tasks."""

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
