"""Times in which alerts are stored and page nobody: planned maintenance of services, and silences by label."""

from datetime import datetime
from typing import Self

import pghistory
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from incidents.conditions import Condition, parse
from incidents.models.catalog import Service
from incidents.models.people import User


class QuietQuerySet(models.QuerySet):
    """Quiet times by when they are."""

    def running(self, at: datetime) -> Self:
        """Those that hold alerts back at an instant."""
        return self.filter(cancelled_at=None, start__lte=at, end__gt=at)

    def upcoming(self, at: datetime) -> Self:
        """Those that have not begun."""
        return self.filter(cancelled_at=None, start__gt=at)

    def over(self, at: datetime) -> Self:
        """Those that have been, and those that were called off."""
        return self.filter(Q(end__lte=at) | Q(cancelled_at__isnull=False))


class Quiet(models.Model):
    """What both kinds share. One that is ended early keeps its true end; one that is called off never was."""

    start = models.DateTimeField(help_text="UTC.")
    end = models.DateTimeField(help_text="UTC; what is still open then pages like new.")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(help_text="UTC.")
    cancelled_at = models.DateTimeField(null=True, blank=True, help_text="UTC; called off before it began.")

    objects = QuietQuerySet.as_manager()

    class Meta:
        abstract = True

    def state(self, at: datetime) -> str:
        """One of: cancelled, upcoming, running, over."""
        if self.cancelled_at:
            return "cancelled"
        if at < self.start:
            return "upcoming"
        return "running" if at < self.end else "over"


@pghistory.track()
class Maintenance(Quiet):
    """Planned work on services. ``incidents.maintenance`` writes it; figures leave its time out."""

    title = models.CharField(max_length=120)
    services = models.ManyToManyField(Service, related_name="maintenances")
    note = models.TextField(blank=True, help_text="What is done and what may be noticed; Markdown.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(start__lt=F("end")), name="maintenance_ends_after_start")]
        indexes = [models.Index(fields=["end"], condition=Q(cancelled_at=None), name="maintenance_by_end")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("incidents:maintenance", args=[self.pk])

    @property
    def words(self) -> str:
        """What is said on an alert that it holds back."""
        return f"Maintenance: {self.title}"


@pghistory.track()
class Silence(Quiet):
    """Alerts of a service that meet conditions stay quiet for a while. ``incidents.silencing`` writes it."""

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="silences")
    conditions = models.TextField(blank=True, help_text="One a line; all must be met; none = every alert.")
    reason = models.CharField(max_length=200)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(start__lt=F("end")), name="silence_ends_after_start")]
        indexes = [models.Index(fields=["end"], condition=Q(cancelled_at=None), name="silence_by_end")]

    def __str__(self) -> str:
        return self.reason

    def get_absolute_url(self) -> str:
        """Its page."""
        return reverse("incidents:silence", args=[self.pk])

    @property
    def lines(self) -> tuple[Condition, ...]:
        """Its conditions; a text that cannot be read any more was checked when it was saved, and raises."""
        return parse(self.conditions)

    @property
    def words(self) -> str:
        """What is said on an alert that it holds back."""
        return f"Silence: {self.reason}"
