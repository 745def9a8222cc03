"""The engine's own pulse."""

from django.db import models


class EngineBeat(models.Model):
    """The last tick, one row: what /readyz and the red banner look at."""

    ticked_at = models.DateTimeField(null=True, help_text="UTC, by the database's clock; null = never.")
    oldest_due_seconds = models.FloatField(default=0, help_text="How late the oldest due row was at the last tick.")
    backlog = models.PositiveIntegerField(default=0, help_text="Due rows left at the end of the last tick.")
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_engine_beat")]
