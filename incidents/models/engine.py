"""The engine's own pulse."""

from django.db import models


class EngineBeat(models.Model):
    """The last tick, one row: what /readyz and the red banner look at."""

    ticked_at = models.DateTimeField(null=True, help_text="UTC, by the database's clock; null = never.")
    oldest_due_seconds = models.FloatField(default=0, help_text="How late the oldest due row was at the last tick.")
    ticks = models.BigIntegerField(default=0, help_text="Ticks since the beginning.")
    late_sum = models.FloatField(default=0, help_text="Sum of the lateness of all ticks, seconds.")
    dead_man_at = models.DateTimeField(null=True, help_text="UTC; last time the dead-man URL was due to be asked.")
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_engine_beat")]


class LatenessBucket(models.Model):
    """How many ticks found nothing later than this: the histogram of /metrics, kept where every process counts."""

    upper_seconds = models.FloatField(primary_key=True)
    count = models.BigIntegerField(default=0)
