"""Who wants to hear of incidents without taking part."""

from django.db import models
from django.db.models import Q

from incidents.models.catalog import Service
from incidents.models.incident import Incident
from incidents.models.people import Team, User
from incidents.models.severity import Severity


class Pace(models.TextChoices):
    """How often news are gathered into one message."""

    SOON = "soon", "As it happens"
    HOURLY = "hourly", "Once an hour"
    DAILY = "daily", "Once a day"


class Watch(models.Model):
    """A person hears of an incident. ``incidents.watching`` writes it."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="watches")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="watches")
    pace = models.CharField(max_length=8, choices=Pace, default=Pace.SOON)
    since = models.DateTimeField()
    told_seq = models.PositiveIntegerField(help_text="The timeline's last number that they know.")
    told_at = models.DateTimeField(help_text="UTC; when something last happened for them, or they began.")
    due_at = models.DateTimeField(null=True, help_text="UTC; when the news that wait are told, null = there are none.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "user"], name="a_person_watches_once")]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="watch_due")]


class Presence(models.Model):
    """A person has the incident's page open. A hint for the others; the page says so every few seconds."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="presences")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "user"], name="a_person_is_here_once")]


class Subscription(models.Model):
    """A person watches every new incident of a service, a team or of all, down to a level."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="subscriptions")
    service = models.ForeignKey(Service, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    down_to = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")
    pace = models.CharField(max_length=8, choices=Pace, default=Pace.SOON)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(service=None) | Q(team=None), name="a_subscription_has_one_subject"),
            models.UniqueConstraint(
                fields=["user", "service", "team"], nulls_distinct=False, name="a_subject_is_subscribed_once"
            ),
        ]

    @property
    def subject(self) -> str:
        """What it is about, in words; service and team are loaded."""
        return str(self.service or self.team or "every incident")
