"""The postmortem and its sections."""

from django.db import models
from django.db.models import Q

from incidents.models import Incident, User


class DocumentStatus(models.TextChoices):
    """How far the document is."""

    DRAFT = "draft", "Draft"
    REVIEW = "in_review", "In review"
    PUBLISHED = "published", "Published"


class SectionKey(models.TextChoices):
    """The six sections in their order (R-76)."""

    SUMMARY = "summary", "Incident summary"
    TIMELINE = "timeline", "Timeline"
    IMPACT = "impact", "Impact assessment"
    ROOT_CAUSE = "root_cause", "Root cause analysis"
    IMPROVEMENTS = "improvements", "Improvements"
    LESSONS = "lessons", "Lessons learned"


class Postmortem(models.Model):
    """What a team learned from one incident. ``postmortems.drafting`` makes it on resolve; people write it in forms."""

    incident = models.OneToOneField(Incident, on_delete=models.PROTECT, related_name="postmortem")
    status = models.CharField(max_length=10, choices=DocumentStatus, default=DocumentStatus.DRAFT)
    owner = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(help_text="UTC; counted from the resolution (R-75).")
    created_at = models.DateTimeField()
    template_version = models.ForeignKey(
        "TemplateVersion",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Null = built-in.",
    )
    target_depth = models.PositiveSmallIntegerField(
        default=5, help_text="How often “why?” is asked, 3 to 10; the last answer is the root cause (C-11)."
    )

    no_action_because = models.TextField(blank=True, help_text="Why nothing is to be done (R-36).")
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    facts = models.JSONField(default=dict, help_text="What was known of the incident when it was published.")
    open_hints = models.PositiveSmallIntegerField(
        null=True, help_text="What the language check still said when it was published."
    )
    remind_at = models.DateTimeField(null=True, help_text="UTC; when its owner is reminded next, null = never.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(target_depth__range=(3, 10)), name="target_depth_is_3_to_10"),
        ]
        indexes = [
            models.Index(fields=["remind_at"], condition=Q(remind_at__isnull=False), name="postmortem_to_remind"),
        ]

    def __str__(self) -> str:
        return f"Postmortem of {self.incident_id}"


class Section(models.Model):
    """One section's text; each save raises ``version``, so that two writers cannot overwrite one another."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="sections")
    key = models.CharField(max_length=16, choices=SectionKey)
    position = models.PositiveSmallIntegerField()
    text = models.TextField(blank=True, help_text="Markdown.")
    version = models.PositiveIntegerField(default=1)
    edited_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    edited_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["postmortem", "key"], name="section_is_unique_in_a_postmortem")]


class SectionRevision(models.Model):
    """A section's text as it was saved. Rows are never changed; of the saves of one sitting the last stays."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="revisions")
    version = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["section", "version"], name="revision_is_unique_in_a_section")]


class SideText(models.Model):
    """What somebody typed and could not save, because it contradicted another's save; kept until they save."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    base_version = models.PositiveIntegerField(help_text="The version from which the writing began; 0 = unknown.")
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["section", "by"], name="side_text_is_unique_for_a_person")]

    def __str__(self) -> str:
        return f"Side text {self.pk}"


class Writer(models.Model):
    """Who has a section open for writing, as their browser said last. It locks nobody out."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["section", "user"], name="writer_is_unique_in_a_section")]

    def __str__(self) -> str:
        return f"Writer {self.pk}"
