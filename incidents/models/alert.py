"""What the outside world told us: the raw event as it came, and the alert that it stands for."""

from django.db import models

from incidents import conditions
from incidents.models.catalog import Integration, Service
from incidents.models.incident import Incident
from incidents.models.severity import Severity


class RawEvent(models.Model):
    """One accepted request, byte for byte. ``incidents.intake`` stores it before the answer; a tick processes it."""

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="raw_events")
    format = models.CharField(max_length=16)
    body = models.BinaryField(help_text="The request's body as it came.")
    dedup_key = models.CharField(max_length=255, blank=True, help_text="Made at the door where the sender gave none.")
    received_at = models.DateTimeField(help_text="UTC, by the database's clock.")
    processed_at = models.DateTimeField(null=True, help_text="UTC; null = still to do.")
    rejected_because = models.TextField(blank=True, help_text="Why nothing was made of it; empty = it was used.")
    outcome = models.JSONField(default=dict, help_text="What was made of it: alerts opened, repeated, resolved.")
    not_before = models.DateTimeField(null=True, help_text="UTC; back-off after a failure.")
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(processed_at=None), name="raw_event_to_do"),
            models.Index(fields=["received_at"], name="raw_event_received"),
        ]


class AlertStatus(models.TextChoices):
    """Whether the source still complains."""

    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"


class Alert(models.Model):
    """One complaint of one source, from its first event until the source says it is over.

    ``incidents.intake`` alone writes it. At most one is open per integration and dedup key (I6).
    """

    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="alerts")
    incident = models.ForeignKey(Incident, null=True, on_delete=models.PROTECT, related_name="alerts")
    service = models.ForeignKey(
        Service, on_delete=models.PROTECT, related_name="alerts", help_text="Whose alert it is, by the route it took."
    )
    dedup_key = models.CharField(max_length=255)
    group_key = models.CharField(max_length=255, help_text="Alerts of one service and group share an incident.")
    status = models.CharField(max_length=10, choices=AlertStatus, default=AlertStatus.OPEN)
    summary = models.CharField(max_length=1024)
    source = models.CharField(max_length=255, blank=True)
    level_word = models.CharField(max_length=40, blank=True, help_text="The source's own word; empty = none given.")
    severity = models.ForeignKey(Severity, null=True, on_delete=models.PROTECT, related_name="+")
    labels = models.JSONField(default=dict)
    links = models.JSONField(default=list, help_text="List of {href, text}.")
    count = models.PositiveIntegerField(default=1, help_text="Events seen of this alert.")
    starts_at = models.DateTimeField(null=True, help_text="UTC; when the source says it began; null = not said.")
    first_received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, help_text="UTC; when the source acknowledged it.")
    resolved_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True, help_text="UTC; it pages nobody before; null = it is not held back.")
    held_because = models.CharField(max_length=200, blank=True, help_text="What holds, or held, it back.")
    raw_event = models.ForeignKey(RawEvent, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "dedup_key"],
                condition=models.Q(status="open"),
                name="one_open_alert_per_integration_and_key",
            ),
            models.CheckConstraint(
                condition=models.Q(status="open", resolved_at=None)
                | models.Q(status="resolved", resolved_at__isnull=False),
                name="alert_resolved_at_only_when_resolved",
            ),
        ]
        indexes = [
            models.Index(fields=["incident", "status"], name="alert_of_incident"),
            models.Index(fields=["service"], condition=models.Q(status="open"), name="alert_open_of_service"),
            models.Index(fields=["integration", "dedup_key", "-id"], name="alert_newest_of_key"),
            models.Index(
                fields=["held_until"],
                condition=models.Q(held_until__isnull=False, status="open"),
                name="alert_held_back",
            ),
        ]

    def __str__(self) -> str:
        return self.summary

    @property
    def said(self) -> dict[str, str]:
        """What conditions are held against; with its integration and service loaded."""
        return conditions.labels_of(
            self.labels,
            summary=self.summary,
            source=self.source,
            level=self.level_word,
            integration=self.integration.name,
            service=self.service.slug,
        )
