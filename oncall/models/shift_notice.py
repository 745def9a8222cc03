"""What people wish to hear of their shifts, when schedules are looked at for it, and notes for the next person."""

from datetime import timedelta

import pghistory
from django.db import models
from django.db.models import Q

from incidents.models import User
from oncall.models.schedule import Schedule


@pghistory.track(exclude=["daily_due_at"])
class ShiftWish(models.Model):
    """Which notices of shifts a person wants. Written by ``oncall.wishes``; without a row the defaults count."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="shift_wish")
    soon = models.DurationField(
        null=True, default=timedelta(hours=1), help_text="So long before a shift starts; empty = not at all."
    )
    moved = models.BooleanField(default=True, help_text="A shift of mine was moved.")
    handoff = models.BooleanField(default=True, help_text="I take over, with open incidents and notes.")
    swaps = models.BooleanField(default=True, help_text="Somebody asks for a swap, or takes mine.")
    daily_at = models.TimeField(null=True, help_text="On the person's own clock, on days with a shift; empty = never.")
    daily_due_at = models.DateTimeField(null=True, help_text="UTC; the next of these.")
    channels = models.JSONField(default=list, help_text="One notice on each; empty = the person's first.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(soon=None) | Q(soon__gt=timedelta(0), soon__lte=timedelta(days=7)),
                name="soon_is_within_a_week",
            )
        ]
        indexes = [models.Index(fields=["daily_due_at"], condition=Q(daily_due_at__isnull=False), name="daily_notice")]

    def __str__(self) -> str:
        return f"wishes of {self.user}"


class ShiftWatch(models.Model):
    """How far a schedule has been looked at for shifts that begin. Written by ``oncall.handoffs``."""

    schedule = models.OneToOneField(Schedule, on_delete=models.CASCADE, primary_key=True, related_name="watch")
    looked_at = models.DateTimeField(help_text="UTC; what began before is told.")
    due_at = models.DateTimeField(db_index=True, help_text="UTC; when to look next.")


class HandoffNote(models.Model):
    """What somebody on call leaves for whoever takes over. Append-only."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="handoff_notes")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["schedule", "-written_at"], name="handoff_note_of_schedule")]

    def __str__(self) -> str:
        return f"note of {self.author}, {self.written_at:%Y-%m-%d %H:%M} UTC"


class RotationWeight(models.Model):
    """How much of a schedule's turns is meant for a person; without a row it is 1. Written by ``oncall.burdens``."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="weights")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    weight = models.DecimalField(max_digits=4, decimal_places=2, default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "person"], name="person_has_one_weight_in_a_schedule"),
            models.CheckConstraint(condition=Q(weight__gte=0), name="weight_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.weight} for {self.person} in {self.schedule}"
