"""Where action items become issues: GitHub, GitLab, Jira; and what became of those that were sent there."""

import pghistory
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q

from incidents.models import Team, User
from postmortems.models.action import ActionItem


class TrackerKind(models.TextChoices):
    """Whose language it speaks."""

    GITHUB = "github", "GitHub"
    GITLAB = "gitlab", "GitLab"
    JIRA = "jira", "Jira"


@pghistory.track(exclude=["sealed"])
class Tracker(models.Model):
    """A project in which issues are made. Its token is kept sealed and never shown."""

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=TrackerKind)
    base_url = models.CharField(
        "address",
        max_length=300,
        validators=[URLValidator(schemes=["http", "https"])],
        help_text="Of the API, such as https://api.github.com.",
    )
    project = models.CharField(
        max_length=200, help_text="owner/repository, group/project, or the key of a Jira project."
    )
    account = models.CharField(
        max_length=200, blank=True, help_text="Jira Cloud: the e-mail that the token belongs to."
    )
    sealed = models.TextField(blank=True, editable=False)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty = for every team."
    )
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Issue(models.Model):
    """An action item as it stands in a tracker. ``postmortems.tracking`` alone writes it."""

    action = models.OneToOneField(ActionItem, primary_key=True, on_delete=models.CASCADE, related_name="issue")
    tracker = models.ForeignKey(Tracker, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=60, blank=True, help_text="As the tracker names it; empty = not made yet.")
    url = models.CharField(max_length=500, blank=True)
    is_closed = models.BooleanField(default=False, help_text="Over there.")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, help_text="UTC; when the tracker answered last.")
    due_at = models.DateTimeField(null=True, help_text="UTC; when it is made or looked at next, null = never.")
    tries = models.PositiveIntegerField(default=0, help_text="Since the tracker answered last.")
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="issue_due")]

    def __str__(self) -> str:
        return self.key or f"Issue of action {self.action_id}"
