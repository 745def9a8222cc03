"""Something that a person must be told; the floor above carries it out."""

from django.db import models
from django.db.models import Q

from incidents.models.incident import Incident
from incidents.models.people import User


class Notice(models.Model):
    """A message that somebody owes a person. Written in the writer's own transaction; ``oncall`` delivers it."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notices")
    incident = models.ForeignKey(Incident, null=True, on_delete=models.CASCADE, related_name="notices")
    subject = models.CharField(max_length=200)
    text = models.TextField()
    path = models.CharField(max_length=200, blank=True, help_text="Where to act, below PUBLIC_URL.")
    channels = models.JSONField(default=list, help_text="Ways in order of preference; empty = the person's first.")
    due_at = models.DateTimeField(help_text="Not before, UTC.")
    dispatched_at = models.DateTimeField(null=True, help_text="UTC; null = still to do.")
    read_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    dedupe_key = models.CharField(max_length=120, unique=True)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(dispatched_at=None), name="notice_to_do")]
