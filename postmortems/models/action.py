"""Action items: what is to be done so that it does not come back."""

from enum import nonmember

import pghistory
from django.db import models
from django.db.models import Q

from incidents.models import Incident, Severity, User
from postmortems.models.why import Why


class ActionKind(models.TextChoices):
    """What the action is good for."""

    DETECT = "detect", "Detect sooner"
    MITIGATE = "mitigate", "Mitigate faster"
    PREVENT = "prevent", "Prevent"
    PROCESS = "process", "Process"


class Term(models.TextChoices):
    """Within which time it is meant to be done (R-77)."""

    SHORT = "short", "Short term"
    MEDIUM = "medium", "Medium term"
    LONG = "long", "Long term"


class ActionStatus(models.TextChoices):
    """How far it is."""

    OPEN = "open", "Open"
    IN_PROGRESS = "in_progress", "In progress"
    DONE = "done", "Done"
    DROPPED = "dropped", "Dropped"

    unfinished = nonmember(("open", "in_progress"))


class Origin(models.TextChoices):
    """Who wrote it down: a person, or the house by itself."""

    PERSON = "person", "A person"
    BACKLOG = "backlog", "The level of the incident"
    CAUSE = "cause", "A root cause that was not known yet"


@pghistory.track()
class ActionItem(models.Model):
    """Something that one named person does until a date. ``postmortems.actions`` alone writes it; none is deleted.

    Only an item that the house wrote by itself may wait for an owner.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="action_items")
    title = models.CharField(max_length=200)
    detail = models.TextField(blank=True, help_text="Markdown.")
    owner = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="action_items")
    due_date = models.DateField(help_text="Done by the end of this day.")
    kind = models.CharField(max_length=8, choices=ActionKind, default=ActionKind.PREVENT)
    term = models.CharField(max_length=6, choices=Term, default=Term.MEDIUM)
    root_causes = models.ManyToManyField(Why, related_name="actions", blank=True)
    status = models.CharField(max_length=12, choices=ActionStatus, default=ActionStatus.OPEN)
    verified_how = models.TextField(blank=True, help_text="How it was seen to work; asked when it is done.")
    dropped_because = models.TextField(blank=True)
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.PERSON)
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    closed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, help_text="UTC; done or dropped.")
    remind_at = models.DateTimeField(null=True, help_text="UTC; when the owner is reminded next, null = never.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(owner__isnull=False) | ~Q(origin="person"), name="action_item_has_an_owner"
            ),
            models.CheckConstraint(
                condition=Q(status="done", closed_at__isnull=False) & ~Q(verified_how="")
                | Q(status="dropped", closed_at__isnull=False) & ~Q(dropped_because="")
                | Q(status__in=["open", "in_progress"], closed_at__isnull=True),
                name="action_item_says_how_it_ended",
            ),
            models.UniqueConstraint(
                fields=["incident", "origin"], condition=~Q(origin="person"), name="action_item_is_made_once_by_itself"
            ),
        ]
        indexes = [
            models.Index(
                fields=["remind_at"],
                condition=Q(status__in=["open", "in_progress"], remind_at__isnull=False),
                name="action_item_to_remind",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_unfinished(self) -> bool:
        """Somebody still has to do it."""
        return self.status in ActionStatus.unfinished


class Digest(models.Model):
    """That a person who owns action items gets their weekly letter. ``postmortems.digests`` writes it."""

    person = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="+")
    due_at = models.DateTimeField(help_text="UTC; when the next letter is written.")

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="digest_due")]

    def __str__(self) -> str:
        return f"Digest of {self.person_id}"


@pghistory.track()
class ActionDeadline(models.Model):
    """How long action items of a severity may take, and whether an incident of it makes one by itself (R-22)."""

    severity = models.OneToOneField(Severity, primary_key=True, on_delete=models.PROTECT, related_name="+")
    days = models.PositiveSmallIntegerField(help_text="Proposed for an action item, counted from the day it is added.")
    made_on_declare = models.BooleanField(
        "an incident makes one", default=False, help_text="For levels that are planned and paged to nobody (P4)."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(days__range=(1, 730)), name="action_deadline_is_1_to_730_days")
        ]

    def __str__(self) -> str:
        return f"P{self.severity_id}: {self.days} days"
