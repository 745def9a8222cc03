"""Reviews before a postmortem is published, corrections after it."""

from django.db import models

from incidents.models import User
from postmortems.models.document import Postmortem, Section


class Verdict(models.TextChoices):
    """What a reviewer says."""

    ASKED = "asked", "Asked"
    APPROVED = "approved", "Approved"
    CHANGES = "changes", "Changes requested"


class Review(models.Model):
    """One person's look at one postmortem; a new answer takes the place of the old one."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=8, choices=Verdict, default=Verdict.ASKED)
    note = models.TextField(blank=True, help_text="Markdown.")
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["postmortem", "reviewer"], name="reviewer_is_asked_once")]


class Erratum(models.Model):
    """A correction of a published section, shown to readers. Rows are added, never changed."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="errata")
    version = models.PositiveIntegerField(help_text="The version of the section that it made.")
    reason = models.TextField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "errata"
