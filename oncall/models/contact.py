"""How a person can be reached, and how they prove it."""

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


@pghistory.track(exclude=["secret"])
class ContactMethod(models.Model):
    """One address of a person on one channel. Only verified and enabled ones are ever used (I11).

    ``oncall.contacts`` writes it. An address that is a secret itself (a chat webhook) is kept sealed in ``secret``;
    ``address`` then shows what it is without giving it away.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="contact_methods")
    channel = models.CharField(max_length=8, choices=Channel)
    address = models.CharField(max_length=200, help_text="Number with country code, e-mail address, or chat handle.")
    secret = models.TextField(blank=True, editable=False, help_text="The whole address, sealed; empty = address.")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty = not verified, never used.")
    expires_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="UTC; removed then unless verified; empty = stays."
    )
    disabled_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty = in use.")
    disabled_why = models.CharField(
        max_length=8, blank=True, help_text="stop = the phone texted STOP; empty = somebody switched it off."
    )
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
        indexes = [
            models.Index(fields=["user"], condition=Q(disabled_at=None), name="contact_method_in_use"),
            models.Index(fields=["address"], name="contact_method_by_address"),
            models.Index(
                fields=["expires_at"],
                condition=Q(verified_at=None, expires_at__isnull=False),
                name="contact_method_expires",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.address}"

    @property
    def is_usable(self) -> bool:
        """Verified and not disabled."""
        return self.verified_at is not None and self.disabled_at is None


class ProbeKind(models.TextChoices):
    """What a person asks their own contact method."""

    CODE = "code", "Code"
    TEST = "test", "Test"


class Probe(models.Model):
    """A message to one contact method that its owner asked for: a code to verify it, or a test. Goes with the method.

    The code is not kept anywhere: it is computed from this row and SECRET_KEY.
    """

    method = models.ForeignKey(ContactMethod, on_delete=models.CASCADE, related_name="probes")
    kind = models.CharField(max_length=4, choices=ProbeKind)
    nonce = models.CharField(max_length=32, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="UTC; the code is worth nothing after.")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Codes that were typed in.")

    class Meta:
        indexes = [models.Index(fields=["method", "-created_at"], name="probe_of_method")]
