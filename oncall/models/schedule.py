"""Schedules: layers of turns with weekly restrictions. ``oncall.rota`` computes from them who answers."""

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from incidents.models import Team, User
from incidents.models.people import SLUG, validate_time_zone


@pghistory.track()
class Schedule(models.Model):
    """A rotation that a team runs. The layer with the largest priority that has anyone wins."""

    slug = models.SlugField(unique=True, validators=[SLUG])
    name = models.CharField(max_length=80)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="schedules")
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    answers_for_team = models.BooleanField(
        default=True, help_text="The shipped policies page this schedule for the team's services."
    )
    is_active = models.BooleanField("active", default=True, help_text="Retired schedules page nobody.")

    def __str__(self) -> str:
        return self.name


class Unit(models.TextChoices):
    """How long a turn is counted in."""

    HOUR = "hour", "Hours (elapsed)"
    DAY = "day", "Days"
    WEEK = "week", "Weeks"
    MONTH = "month", "Months"


@pghistory.track()
class Layer(models.Model):
    """One rotation inside a schedule: people in turns of a fixed length, counted from an anchor."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="layers")
    name = models.CharField(max_length=80)
    priority = models.SmallIntegerField(default=0, help_text="A larger number wins.")
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    anchor = models.CharField(
        max_length=16, help_text="First handoff on the layer's wall clock, for example 2026-03-02T09:00."
    )
    unit = models.CharField(max_length=6, choices=Unit, default=Unit.WEEK)
    length = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(1000)], help_text="Units per turn."
    )
    effective_from = models.DateTimeField(null=True, blank=True, help_text="UTC; empty = always.")
    effective_until = models.DateTimeField(null=True, blank=True, help_text="UTC; empty = for ever.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(length__gte=1), name="layer_turn_has_a_length"),
            models.CheckConstraint(
                condition=Q(effective_until=None) | Q(effective_from=None) | Q(effective_until__gt=F("effective_from")),
                name="layer_ends_after_it_begins",
                violation_error_message="The layer must end after it begins.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.schedule}"


@pghistory.track()
class LayerPerson(models.Model):
    """A person's place in a layer's turns; people with the same slot are on call together."""

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="people")
    slot = models.PositiveSmallIntegerField(help_text="Order of the turns, from 1; the same number = together.")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["layer", "slot", "user"], name="person_is_in_a_slot_once")]


@pghistory.track()
class Restriction(models.Model):
    """A weekly window in which the layer is in force; may cross midnight and the week's end."""

    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="restrictions")
    weekday = models.PositiveSmallIntegerField(
        choices=list(enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))),
        help_text="The day on which the window starts.",
    )
    start = models.TimeField()
    end = models.TimeField(help_text="The same as the start = a full day.")
