"""Calendars of other programs: feeds that they read from us, and calendars that we read from them."""

import pghistory
from django.db import models
from django.db.models import Q

from incidents.models import User
from oncall.models.schedule import Layer, Schedule


class CalendarFeed(models.Model):
    """A secret address under which a program reads shifts. Only its hash is kept; ``oncall.feeds`` writes it."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="feeds")
    schedule = models.ForeignKey(
        Schedule,
        null=True,
        on_delete=models.CASCADE,
        related_name="feeds",
        help_text="Empty = the person's own shifts.",
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, help_text="UTC; the last time, to the hour.")
    revoked_at = models.DateTimeField(null=True, help_text="UTC; null = valid.")

    def __str__(self) -> str:
        return f"feed of {self.schedule or self.person}"


@pghistory.track(exclude=["sealed", "due_at", "tried_at", "read_at", "last_error", "failures", "unknown"])
class ForeignCalendar(models.Model):
    """Where the shifts of a layer come from. Written by ``oncall.foreign``; the address is a secret and kept sealed."""

    layer = models.OneToOneField(Layer, on_delete=models.CASCADE, related_name="calendar")
    sealed = models.TextField(editable=False)
    shown = models.CharField(max_length=120, help_text="The host, and a mark by which two addresses are told apart.")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(help_text="UTC; when it is read next.")
    tried_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True, help_text="UTC; when the copy in force was read. Null = never yet.")
    last_error = models.CharField(max_length=300, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    unknown = models.JSONField(default=list, help_text="Addresses in it that belong to nobody here.")
    ended_at = models.DateTimeField(null=True, help_text="UTC; null = in use.")

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(ended_at=None), name="foreign_calendar_in_use")]

    def __str__(self) -> str:
        return self.shown


class ForeignShift(models.Model):
    """One person's time in the copy of a foreign calendar that is in force; what is over stays."""

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="foreign_shifts")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    start = models.DateTimeField(help_text="UTC, included.")
    end = models.DateTimeField(help_text="UTC, not included.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=models.F("start")), name="foreign_shift_ends_after_it_begins")
        ]
