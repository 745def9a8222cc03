"""What people say about a section, an answer or an action item before and after it is read by others."""

from django.db import models
from django.db.models import Q

from incidents.models import Incident, User
from postmortems.models.action import ActionItem
from postmortems.models.document import Section
from postmortems.models.why import Why


class Comment(models.Model):
    """The beginning of a thread, about one thing, or an answer in it. Its words are never changed.

    It hangs on the incident, because action items exist without a postmortem too.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="+")
    thread = models.ForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="replies", help_text="Null = it begins one."
    )
    section = models.ForeignKey(Section, null=True, on_delete=models.CASCADE, related_name="comments")
    why = models.ForeignKey(Why, null=True, on_delete=models.CASCADE, related_name="comments")
    action = models.ForeignKey(ActionItem, null=True, on_delete=models.CASCADE, related_name="comments")
    quote = models.CharField(max_length=300, blank=True, help_text="The words that it is about.")
    text = models.TextField(help_text="Markdown.")
    is_blocking = models.BooleanField(default=False, help_text="The postmortem is not published before it is resolved.")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    resolved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    resolved_at = models.DateTimeField(null=True, help_text="UTC; null = open.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(thread=None, section__isnull=False, why=None, action=None)
                | Q(thread=None, section=None, why__isnull=False, action=None)
                | Q(thread=None, section=None, why=None, action__isnull=False)
                | Q(thread__isnull=False, section=None, why=None, action=None, is_blocking=False, resolved_at=None),
                name="comment_is_about_one_thing_or_answers",
            ),
        ]
        indexes = [
            models.Index(fields=["incident"], condition=Q(thread=None, resolved_at=None), name="comment_open"),
        ]

    def __str__(self) -> str:
        words = " ".join(self.text.replace("**", "").replace("`", "").split())
        return words if len(words) <= 80 else f"{words[:79]}…"

    @property
    def is_open(self) -> bool:
        """The thread waits for somebody."""
        return self.resolved_at is None
