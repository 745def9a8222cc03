"""What a person says of how they want to be reached, and how often one number may be called."""

from datetime import timedelta

import pghistory
from django.db import models
from django.db.models import Q

from incidents.models import User
from oncall.models.contact import Channel, ContactMethod


class Band(models.TextChoices):
    """The two moods of a page."""

    PAGE_NOW = "page_now", "Page now (P0 to P2)"
    CAN_WAIT = "can_wait", "Can wait (P3 and P4)"


@pghistory.track()
class NotificationRule(models.Model):
    """Use this channel so long after a page of the band, unless it is answered before."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notification_rules")
    band = models.CharField(max_length=8, choices=Band)
    channel = models.CharField(max_length=8, choices=Channel)
    delay = models.DurationField(default=timedelta(0), help_text="After the page, hours:minutes:seconds.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "band", "channel", "delay"],
                name="a_rule_stands_once",
                violation_error_message="This rule stands there already.",
            ),
            models.CheckConstraint(
                condition=Q(delay__gte=timedelta(0), delay__lte=timedelta(hours=24)),
                name="a_rule_waits_a_day_at_most",
                violation_error_message="A rule waits between nothing and a day.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_band_display()}: {self.get_channel_display()} after {self.delay}"


@pghistory.track()
class Reachability(models.Model):
    """A person's quiet hours, and the method that is used when no rule finds one."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="reachability")
    quiet_from = models.TimeField(
        null=True, blank=True, help_text="On the person's own clock; what can wait does not go out from then on."
    )
    quiet_until = models.TimeField(null=True, blank=True, help_text="On the person's own clock.")
    fallback_method = models.ForeignKey(
        ContactMethod,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Used when no rule finds a verified method; empty = the first in the list.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_begin_and_end",
                violation_error_message="Quiet hours need a start and an end.",
            )
        ]
        verbose_name_plural = "reachability"

    def __str__(self) -> str:
        return f"how {self.user} is reached"


class Bucket(models.Model):
    """How many messages a destination may still get: two token buckets, refilled as time passes."""

    channel = models.CharField(max_length=8, choices=Channel)
    address = models.CharField(max_length=200)
    short = models.FloatField(help_text="Tokens for a quarter of an hour.")
    long = models.FloatField(help_text="Tokens for an hour.")
    filled_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "address"], name="a_destination_has_one_bucket")]
