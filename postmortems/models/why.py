"""The five whys: answers that lead from the symptom down to root causes, and what they rest on."""

import pghistory
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from incidents.models import TimelineEntry, User
from postmortems.models.document import Postmortem


class WhyKind(models.TextChoices):
    """What a node of the tree is."""

    SYMPTOM = "symptom", "Symptom"
    CAUSE = "cause", "Cause"
    STRENGTH = "strength", "What went well"


class Confidence(models.TextChoices):
    """How sure its authors are."""

    KNOWN = "known", "Known"
    LIKELY = "likely", "Likely"
    GUESS = "guess", "A guess"


class Category(models.TextChoices):
    """The kinds of systemic cause (R-78). A person is none of them, and never will be."""

    PROCESS = "process", "Process"
    TOOLING = "tooling", "Tooling, automation"
    MONITORING = "monitoring", "Monitoring"
    CAPACITY = "capacity", "Capacity"
    ARCHITECTURE = "architecture", "Architecture"
    KNOWLEDGE = "knowledge", "Knowledge"
    THIRD_PARTY = "third_party", "Third party"


class Joined(models.TextChoices):
    """How the answers under one question belong together."""

    AND = "and", "All of them together"
    OR = "or", "Each of them alone"


@pghistory.track()
class Why(models.Model):
    """One answer of the tree. ``postmortems.whys`` alone writes it; what is removed is hidden and can come back.

    The symptom has no parents, every other answer one at least. A cause with several parents is a shared one.
    """

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="whys")
    kind = models.CharField(max_length=8, choices=WhyKind, default=WhyKind.CAUSE)
    parents: "models.ManyToManyField[Why, WhyLink]" = models.ManyToManyField(
        "self", through="WhyLink", through_fields=("child", "parent"), symmetrical=False, related_name="children"
    )
    question = models.CharField(max_length=500, blank=True)
    answer = models.TextField(help_text="Markdown.")
    confidence = models.CharField(max_length=8, choices=Confidence, blank=True)
    category = models.CharField(max_length=12, choices=Category, blank=True)
    is_root_cause = models.BooleanField(default=False)
    enough_because = models.TextField(blank=True, help_text="Why the asking ended before the wanted depth (C-11).")
    accepted_risk = models.TextField(blank=True, help_text="Why nothing is done about this root cause.")
    joined = models.CharField(max_length=3, choices=Joined, blank=True, help_text="Of the answers below it.")
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    edited_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    edited_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, help_text="UTC; null = it is part of the tree.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["postmortem"], condition=Q(kind="symptom"), name="postmortem_has_one_symptom"
            ),
            models.CheckConstraint(
                condition=Q(is_root_cause=False) | (Q(kind="cause") & ~Q(category="")),
                name="root_cause_has_a_category",
            ),
        ]
        indexes = [
            GinIndex(
                OpClass(Upper("answer"), name="gin_trgm_ops"),
                condition=Q(is_root_cause=True, removed_at=None),
                name="root_cause_parts",
            ),
        ]

    def __str__(self) -> str:
        words = " ".join(self.answer.replace("**", "").replace("`", "").split())
        return words if len(words) <= 80 else f"{words[:79]}…"


class WhyLink(models.Model):
    """That one answer follows from another: because ``child``, therefore ``parent``."""

    child = models.ForeignKey(Why, on_delete=models.CASCADE, related_name="links_up")
    parent = models.ForeignKey(Why, on_delete=models.CASCADE, related_name="links_down")
    holds_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    holds_at = models.DateTimeField(
        null=True, help_text="UTC; somebody read it backwards and it holds. Null = not yet."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["child", "parent"], name="why_link_is_unique"),
            models.CheckConstraint(condition=~Q(child=F("parent")), name="why_is_not_its_own_cause"),
        ]


class Evidence(models.Model):
    """What an answer rests on: an entry of the timeline, or an address such as a graph's."""

    why = models.ForeignKey(Why, on_delete=models.CASCADE, related_name="evidence")
    entry = models.ForeignKey(TimelineEntry, null=True, on_delete=models.CASCADE, related_name="+")
    url = models.URLField(max_length=500, blank=True)
    label = models.CharField(max_length=120, blank=True)
    added_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(entry__isnull=False) | ~Q(url=""), name="evidence_points_somewhere"),
            models.UniqueConstraint(fields=["why", "entry"], name="evidence_is_given_once"),
        ]
