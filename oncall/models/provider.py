"""How the providers of the channels are."""

from django.db import models


class Provider(models.Model):
    """One provider as all workers know it. ``oncall.breaker`` writes it; one that keeps failing rests for a minute."""

    name = models.CharField(max_length=100, unique=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row; 0 = it works.")
    rests_until = models.DateTimeField(null=True, help_text="UTC; it is not asked before; null = it never rested.")
    failed_at = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True, help_text="UTC, to the minute.")
    last_error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.name
