"""The outbox: pages, the deliveries that carry them, the attempts that were made."""

import uuid

from django.db import models
from django.db.models import Q

from incidents.models import Incident, Notice, User
from oncall.models.contact import Channel, ContactMethod, Probe
from oncall.models.escalation import Escalation
from oncall.models.policy import Act


class Page(models.Model):
    """This person is paged (or informed) about this incident, and why: once per run, generation, loop, level (I2)."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="pages")
    run = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="pages")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="pages")
    generation = models.PositiveSmallIntegerField()
    loop = models.PositiveSmallIntegerField(default=0)
    level = models.PositiveSmallIntegerField(help_text="0 = the fallback contact.")
    act = models.CharField(max_length=8, choices=Act)
    everyone = models.BooleanField(default=False, help_text="Only this person's own answer ends it.")
    is_reminder = models.BooleanField(default=False, help_text="Asks who acknowledged whether they are still at it.")
    reason = models.CharField(max_length=200, help_text="Why this person: layer, override, rank, fallback.")
    created_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="UTC; null = it still wants an answer, or still goes out.")
    repeat_at = models.DateTimeField(null=True, help_text="UTC; next repeated call; null = none.")
    repeats = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "generation", "loop", "level", "person"], name="person_is_paged_once_per_level"
            )
        ]
        indexes = [
            models.Index(fields=["person", "-created_at"], name="page_of_person"),
            models.Index(fields=["repeat_at"], condition=Q(repeat_at__isnull=False), name="page_repeat"),
            models.Index(fields=["incident"], condition=Q(ended_at=None), name="page_waiting"),
        ]

    @property
    def wants_everyone(self) -> bool:
        """It is of a level that everyone must answer, and its person has not."""
        return self.everyone and self.acknowledged_at is None and self.ended_at is None

    @property
    def reference(self) -> str:
        """The short code each message carries."""
        return f"{self.incident_id}-{self.pk}"


class DeliveryState(models.TextChoices):
    """Where a message stands. The last five are final (I5)."""

    PENDING = "pending", "Pending"
    SENDING = "sending", "Sending"
    ACCEPTED = "accepted", "Accepted"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    SUPPRESSED = "suppressed", "Suppressed"
    BUNDLED = "bundled", "Bundled"


class Delivery(models.Model):
    """One message on one contact method. A sender leases it, sends, and finishes by compare-and-set on the lease."""

    page = models.ForeignKey(Page, null=True, on_delete=models.CASCADE, related_name="deliveries")
    notice = models.ForeignKey(Notice, null=True, on_delete=models.CASCADE, related_name="deliveries")
    canary = models.ForeignKey("Canary", null=True, on_delete=models.CASCADE, related_name="deliveries")
    probe = models.ForeignKey(Probe, null=True, on_delete=models.CASCADE, related_name="deliveries")
    person = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    method = models.ForeignKey(ContactMethod, null=True, on_delete=models.SET_NULL, related_name="+")
    channel = models.CharField(max_length=8, choices=Channel)
    address = models.CharField(max_length=200)
    dedupe_key = models.CharField(max_length=120, unique=True)
    priority = models.PositiveSmallIntegerField(default=5, help_text="0 goes first.")
    place = models.PositiveSmallIntegerField(
        default=0, help_text="Among the pages of its service that were made with it: no service waits behind another."
    )
    bundled_into = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="carries", help_text="The message that says it too."
    )
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField()
    lease = models.UUIDField(null=True, help_text="Of the sender that holds it; null = nobody.")
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    retry_of = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="retries",
        help_text="The failed one that it repeats.",
    )
    asked_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Who sent it, or sent it on, by hand."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(page__isnull=False, notice=None, canary=None, probe=None, person__isnull=False)
                    | Q(page=None, notice__isnull=False, canary=None, probe=None, person__isnull=False)
                    | Q(page=None, notice=None, canary=None, probe__isnull=False, person__isnull=False)
                    | Q(page=None, notice=None, canary__isnull=False, probe=None, person=None)
                ),
                name="delivery_carries_one_thing_to_one_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="sending") | Q(lease__isnull=False), name="sending_delivery_has_a_lease"
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "priority", "place", "not_before"], condition=Q(state="pending"), name="delivery_due"
            ),
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="delivery_leased"),
            models.Index(fields=["-created_at"], name="delivery_newest"),
        ]
        verbose_name_plural = "deliveries"


class Canary(models.Model):
    """A message to nobody that goes the whole way of a page, every five minutes. ``oncall.canary`` writes it."""

    sent_at = models.DateTimeField()
    arrived_at = models.DateTimeField(null=True, help_text="UTC; null = on its way, or lost.")

    class Meta:
        indexes = [models.Index(fields=["-sent_at"], name="canary_sent")]


class Attempt(models.Model):
    """One try to hand a delivery to a transport. Rows are added, never changed."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveSmallIntegerField()
    transport = models.CharField(max_length=20)
    at = models.DateTimeField()
    outcome = models.CharField(max_length=20, help_text="accepted, delivered, temporary, permanent or lease expired.")
    detail = models.TextField(blank=True)


class SandboxMessage(models.Model):
    """What a person's phone would have received. Written by the sandbox transport, read by the sandbox page."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    delivery = models.OneToOneField(Delivery, on_delete=models.CASCADE, related_name="sandbox_message")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=8, choices=Channel)
    address = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["person", "-at"], name="sandbox_message_of_person")]
