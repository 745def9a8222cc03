"""What readers outside the document get: a summary for customers, an address to subscribe to."""

from django.db import models

from incidents.models import User
from postmortems.models.document import Postmortem


class ExternalSummary(models.Model):
    """What customers may read of an incident. ``postmortems.outreach`` writes it; each save raises ``version``."""

    postmortem = models.OneToOneField(
        Postmortem, primary_key=True, on_delete=models.CASCADE, related_name="external_summary"
    )
    text = models.TextField(help_text="Markdown.")
    version = models.PositiveIntegerField(default=1)
    edited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    edited_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "external summaries"

    def __str__(self) -> str:
        return f"External summary of {self.postmortem_id}"


class FeedKey(models.Model):
    """The secret in a person's address of the Atom feed; only its hash is kept. A new one ends the old one."""

    person = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Feed of {self.person_id}"
