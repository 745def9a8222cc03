"""What people text back, and the short codes by which they mean a page."""

from django.db import models
from django.db.models import Q

from incidents.models import Service
from oncall.models.page import Page


class ReplyCode(models.Model):
    """The number that a text message gave to a page or to a service, for one phone. ``oncall.codes`` writes it.

    Codes of pages go round from 1 to 99, so that an old message names another page only after 98 newer ones.
    """

    number = models.CharField(max_length=20, help_text="The phone, with country code.")
    code = models.PositiveSmallIntegerField(help_text="1-99 a page, 100-999 all of a service.")
    page = models.ForeignKey(Page, null=True, on_delete=models.CASCADE, related_name="reply_codes")
    service = models.ForeignKey(Service, null=True, on_delete=models.CASCADE, related_name="+")
    given_at = models.DateTimeField(help_text="UTC; what came later is not meant by a reply.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["number", "code"], name="reply_code_means_one_thing"),
            models.UniqueConstraint(fields=["number", "page"], name="page_has_one_reply_code_per_phone"),
            models.UniqueConstraint(fields=["number", "service"], name="service_has_one_reply_code_per_phone"),
            models.CheckConstraint(
                condition=Q(page__isnull=False, service=None, code__lt=100)
                | Q(page=None, service__isnull=False, code__gte=100),
                name="reply_code_means_a_page_or_a_service",
            ),
        ]


class ReceivedText(models.Model):
    """A text message from a known phone and what was answered. Rows are added, never changed."""

    provider_id = models.CharField(max_length=64, unique=True, help_text="Of the provider: a repeated call finds it.")
    number = models.CharField(max_length=20)
    text = models.CharField(max_length=200)
    understood = models.BooleanField(help_text="It did something, or named a page that needs nothing more.")
    answer = models.CharField(max_length=480, blank=True, help_text="Empty = nothing was answered.")
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["number", "-at"], name="text_of_number")]
