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


class LatenessMinute(models.Model):
    """How late the engine was in one minute: the plot of the engine page. A minute without a row had no tick."""

    minute = models.DateTimeField(primary_key=True, help_text="UTC, its beginning.")
    worst_seconds = models.FloatField(help_text="Lateness of the oldest due row, the worst of the minute's ticks.")
    ticks = models.PositiveIntegerField(default=1)


class Setback(models.Model):
    """A due row that raises when it is done alone: it rests, so that its neighbours go on. Gone when it is done."""

    source = models.CharField(max_length=40, help_text="The due source.")
    row = models.BigIntegerField(help_text="Its primary key in the source's table.")
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    since = models.DateTimeField(help_text="UTC; the first failure.")
    not_before = models.DateTimeField(help_text="UTC; it is left alone until then.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "row"], name="one_setback_per_row")]

    def __str__(self) -> str:
        return f"{self.source} {self.row}"
