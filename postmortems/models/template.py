"""What a section asks for: templates for a level and a kind of incident, in versions that documents hold on to."""

import pghistory
from django.db import models

from incidents.models import Severity, User
from incidents.states import Kind


@pghistory.track()
class Template(models.Model):
    """The questions of new postmortems. The most specific active one wins; without any the built-in questions count."""

    name = models.CharField(max_length=80, unique=True)
    severity = models.ForeignKey(
        Severity, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty = every level."
    )
    kind = models.CharField(
        max_length=8, choices=Kind, blank=True, help_text="Of incident; empty = every kind. The level counts first."
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["severity", "kind"],
                condition=models.Q(is_active=True),
                nulls_distinct=False,
                name="one_template_is_active_for_a_level_and_kind",
                violation_error_message="Another active template is for this level and kind: retire it first.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """A template as it was at one time. Rows are added, never changed: documents that began with one keep it."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    sections = models.JSONField(help_text="For each key: question, hints, required, start (the text to begin with).")
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_is_unique")]

    def __str__(self) -> str:
        return f"{self.template_id}, version {self.number}"
