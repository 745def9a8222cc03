"""What was warned of: the next check of coverage, and the holes that managers know of."""

from django.db import models

from incidents.models import Team


class CoverageCheck(models.Model):
    """When coverage is checked next: exactly one row. Written by ``oncall.forewarning``."""

    due_at = models.DateTimeField(help_text="UTC.")
    checked_at = models.DateTimeField(null=True, help_text="UTC; null = never yet.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_coverage_check")]


class HoleWarning(models.Model):
    """Managers were told of a hole of their team, once at each stage."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    start = models.DateTimeField(help_text="UTC; of one that runs: the midnight before.")
    stage = models.CharField(max_length=5, help_text="found, week, day or now")
    warned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "start", "stage"], name="a_hole_is_told_once_at_each_stage")
        ]
