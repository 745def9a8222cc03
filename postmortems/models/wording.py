"""The language check as data: what is looked for, and what to ask instead."""

import pghistory
from django.db import models
from django.db.models import Q


class WordingKind(models.TextChoices):
    """What a rule looks for."""

    PHRASE = "phrase", "Phrases"
    NAME = "name", "Names of people"


@pghistory.track()
class WordingRule(models.Model):
    """A way of speaking that looks for a culprit, and the question about the system that leads further (R-72)."""

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=WordingKind, default=WordingKind.PHRASE)
    phrases = models.TextField(
        blank=True, help_text="One a line, in any case. A star at the end of a word stands for any ending: careless*."
    )
    finding = models.CharField(max_length=120, help_text="What the hint says, for example: This sounds like blame.")
    question = models.CharField(max_length=200, help_text="What to ask instead: about the system, with what or how.")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="phrase") & ~Q(phrases="") | Q(kind="name", phrases=""),
                name="wording_rule_has_phrases_or_looks_for_names",
            )
        ]

    def __str__(self) -> str:
        return self.name
