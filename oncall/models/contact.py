"""How a person can be reached."""

import pghistory
from django.db import models
from django.db.models import Q

from incidents.models import User


class Channel(models.TextChoices):
    """The ways by which a message goes out."""

    VOICE = "voice", "Phone"
    SMS = "sms", "SMS"
    CHAT = "chat", "Chat"
    EMAIL = "email", "E-mail"
    PUSH = "push", "Push"
    WEBHOOK = "webhook", "Webhook"
    IN_APP = "in_app", "In Tocsin"
    SANDBOX = "sandbox", "Sandbox"
    CANARY = "canary", "Canary"  # the engine's own; no person has it


@pghistory.track()
class ContactMethod(models.Model):
    """One address of a person on one channel. Only verified and enabled ones are ever used (I11)."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="contact_methods")
    channel = models.CharField(max_length=8, choices=Channel)
    address = models.CharField(max_length=200, help_text="Number with country code, e-mail address, or chat handle.")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty = not verified, never used.")
    disabled_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty = in use.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Order of preference, smallest first.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "channel", "address"],
                name="contact_method_is_listed_once",
                violation_error_message="This address is listed already.",
            )
        ]
        indexes = [models.Index(fields=["user"], condition=Q(disabled_at=None), name="contact_method_in_use")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.address}"

    @property
    def is_usable(self) -> bool:
        """Verified and not disabled."""
        return self.verified_at is not None and self.disabled_at is None
