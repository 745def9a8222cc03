"""Who does what during an incident: tasks."""

from django.db import models
from django.db.models import Q

from incidents.models.incident import Incident
from incidents.models.people import User


class Role(models.TextChoices):
    """The five hats of an incident (C-10)."""

    COMMANDER = "commander", "Incident Commander"
    COMMUNICATIONS = "communications", "Communications Lead"
    TECH_LEAD = "tech_lead", "Tech Lead"
    OPERATIONS = "operations", "Operations Lead"
    DEVELOPMENT = "development", "Development Lead"


class Task(models.Model):
    """Something to be done during an incident, by one person or by whoever holds a role."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=200)
    owner = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16, choices=Role, blank=True, help_text="Who owes it when nobody is named.")
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(owner__isnull=False) | ~Q(role=""), name="task_has_an_owner_or_a_role")
        ]

    def __str__(self) -> str:
        return self.title
