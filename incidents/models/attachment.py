"""Evidence: pictures and files that belong to a line of the timeline."""

import secrets

from django.db import models

from incidents.models.timeline import TimelineEntry

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")  # kinds that a page shows; all others are taken away


def new_place(attachment: "Attachment", name: str) -> str:
    """Where the bytes lie: under a name that nobody can guess and that says nothing."""
    return f"evidence/{secrets.token_hex(20)}"


class Attachment(models.Model):
    """A file that was given with an entry. ``incidents.evidence`` checks and keeps it."""

    entry = models.ForeignKey(TimelineEntry, on_delete=models.CASCADE, related_name="attachments")
    file = models.FileField(upload_to=new_place)
    name = models.CharField(max_length=120, help_text="As the person called it.")
    kind = models.CharField(max_length=60, help_text="The media type that its first bytes show.")
    size = models.PositiveIntegerField(help_text="Bytes.")

    def __str__(self) -> str:
        return self.name

    @property
    def is_picture(self) -> bool:
        """A page may show it."""
        return self.kind in PICTURES
