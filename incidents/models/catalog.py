"""What can fail, who owns it, and the doors through which its alerts come in."""

import secrets
import string
from datetime import datetime, timedelta

import pghistory
from django.db import models

from incidents.models.people import SLUG, Team

ALPHABET = string.ascii_letters + string.digits


def new_key() -> str:
    """Return a random integration key of 32 letters and digits (about 190 bits)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(32))


@pghistory.track()
class Service(models.Model):
    """Something that users notice when it fails, owned by one team."""

    slug = models.SlugField(unique=True, validators=[SLUG])
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="services")
    revenue_path = models.BooleanField(
        default=False, help_text="Payments or orders run through it: incidents here are more urgent (R-25)."
    )
    core = models.BooleanField("core business", default=False, help_text="The business stops when it stops.")
    alert_limit = models.PositiveSmallIntegerField(
        default=0,
        help_text="With so many of its alerts open, new ones other than P0 share one storm incident; 0 = no limit.",
    )
    is_active = models.BooleanField("active", default=True, help_text="Retired services accept no new incidents.")

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Component(models.Model):
    """A part of a service, named as people outside know it."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="components")
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "name"], name="component_name_is_unique_in_a_service")
        ]

    def __str__(self) -> str:
        return self.name


class IntegrationKind(models.TextChoices):
    """The formats that intake reads."""

    ALERTMANAGER = "alertmanager", "Prometheus Alertmanager"
    PAGERDUTY = "pagerduty", "PagerDuty Events API v2"
    GENERIC = "generic", "Generic JSON"
    GRAFANA = "grafana", "Grafana"
    HEARTBEAT = "heartbeat", "Heartbeat"


@pghistory.track(exclude=["key"])
class Integration(models.Model):
    """A door for the alerts of one service. Its key is the secret in the sender's URL."""

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="integrations")
    kind = models.CharField(max_length=16, choices=IntegrationKind)
    name = models.CharField(max_length=80)
    key = models.CharField(max_length=32, unique=True, default=new_key, editable=False)
    auto_resolve = models.BooleanField(
        default=True, help_text="Resolve the incident when the source says that all its alerts are over."
    )
    reopen_within = models.DurationField(
        default=timedelta(0),
        help_text="An alert that comes back so soon after its incident was resolved reopens it; 0 = a new incident.",
    )
    mapping = models.JSONField(
        default=dict,
        blank=True,
        help_text="Generic JSON only: our field -> path in the payload, for example "
        '{"summary": "event.title", "severity": "event.level", "dedup_key": "event.id", "status": "event.state"}.',
    )
    is_active = models.BooleanField("active", default=True, help_text="An inactive integration answers 404.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.get_kind_display()})"


class Heartbeat(models.Model):
    """What a heartbeat is waited for, and how it is. Intake notes each sign, ``incidents.heartbeats`` the rest."""

    integration = models.OneToOneField(Integration, on_delete=models.CASCADE, related_name="heartbeat")
    period = models.DurationField(default=timedelta(minutes=5), help_text="The longest time between two signs of life.")
    grace = models.DurationField(
        default=timedelta(minutes=1), help_text="So much later it may be; and so long may a run last that said “start”."
    )
    muted = models.BooleanField(default=False, help_text="Nothing is said of it, whatever it does.")
    heard_at = models.DateTimeField(null=True, blank=True, help_text="UTC; null = never heard of.")
    started_at = models.DateTimeField(null=True, blank=True, help_text="UTC; a run is under way since then.")
    failed_at = models.DateTimeField(null=True, blank=True, help_text="UTC; its last sign was a failure.")
    missed_at = models.DateTimeField(null=True, blank=True, help_text="UTC; missing since then.")
    due_at = models.DateTimeField(null=True, blank=True, help_text="UTC; missing from then on; null = not waited for.")

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="heartbeat_due")]

    def __str__(self) -> str:
        return str(self.integration)

    def state(self, at: datetime) -> str:
        """One of: muted, missing, failed, new, running, late, on time."""
        if self.muted:
            return "muted"
        if self.missed_at:
            return "missing"
        if self.failed_at:
            return "failed"
        if self.started_at:
            return "running"
        if self.heard_at is None:
            return "new"
        return "late" if at > self.heard_at + self.period else "on time"
