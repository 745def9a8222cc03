"""Where the alerts of an integration belong: its routes, in order, the first that fits."""

import pghistory
from django.core.exceptions import ValidationError
from django.db import models

from incidents.conditions import Condition, Unreadable, parse
from incidents.models.catalog import Integration, Service
from incidents.models.severity import Severity


def validate_conditions(text: str) -> None:
    """Refuse conditions that intake could not read.

    Raises:
        ValidationError: a line is no condition.
    """
    try:
        parse(text)
    except Unreadable as refusal:
        raise ValidationError(str(refusal)) from None


@pghistory.track()
class Route(models.Model):
    """One rule of an integration, written by ``incidents.routing``; an alert takes the first active one that fits."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="routes")
    place = models.PositiveSmallIntegerField(default=1, help_text="Its place in the order; the first that fits counts.")
    name = models.CharField(max_length=80)
    conditions = models.TextField(
        blank=True,
        validators=[validate_conditions],
        help_text="One a line, all must be met: team = payments, host ~ web-*; none = every alert.",
    )
    service = models.ForeignKey(
        Service,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whose alert it is; empty = the integration's own service.",
    )
    severity = models.ForeignKey(
        Severity,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Whatever the source says; empty = by the source's word.",
    )
    policy = models.SlugField(
        blank=True, help_text="Slug of the escalation policy; empty = the one of the service and severity."
    )
    group_by = models.CharField(
        max_length=200,
        blank=True,
        help_text="Labels, separated by commas: alerts alike in them share an incident; empty = as the source groups.",
    )
    is_active = models.BooleanField("active", default=True)

    class Meta:
        indexes = [models.Index(fields=["integration", "place"], name="route_in_order")]

    def __str__(self) -> str:
        return self.name

    @property
    def lines(self) -> tuple[Condition, ...]:
        """Its conditions."""
        return parse(self.conditions)

    @property
    def labels(self) -> list[str]:
        """The labels by which it groups."""
        return [label.strip() for label in self.group_by.split(",") if label.strip()]
