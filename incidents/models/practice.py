"""What was thought out before: checklists of the phases, runbooks of the services, and their ticks in an incident."""

import pghistory
from django.core.validators import MaxValueValidator
from django.db import models

from incidents.models.catalog import Service
from incidents.models.incident import Incident
from incidents.models.people import User
from incidents.states import Phase


@pghistory.track()
class ChecklistItem(models.Model):
    """Something that a phase should not be left without. It reminds, it never blocks."""

    phase = models.CharField(max_length=10, choices=Phase)
    place = models.PositiveSmallIntegerField(default=10, help_text="The order within the phase.")
    text = models.CharField(max_length=160, help_text="One act, beginning with a verb.")
    hint = models.CharField(max_length=300, blank=True, help_text="How to do it, or when it counts as done.")
    asked_to = models.PositiveSmallIntegerField(
        default=4,
        validators=[MaxValueValidator(4)],
        help_text="Asked for at this level and all more severe ones: 1 = P0 and P1, 4 = always.",
    )
    is_active = models.BooleanField("active", default=True, help_text="Retired items keep their ticks.")

    def __str__(self) -> str:
        return self.text


class ChecklistTick(models.Model):
    """An item was done in an incident. ``incidents.checking`` writes it, and tells the timeline."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="checklist_ticks")
    item = models.ForeignKey(ChecklistItem, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "item"], name="an_item_is_ticked_once")]


@pghistory.track()
class Runbook(models.Model):
    """What to do when a service fails, in Markdown. A line that begins with “- [ ]” is a step to be ticked."""

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="runbooks")
    title = models.CharField(max_length=120)
    text = models.TextField(
        max_length=20_000, help_text="Markdown. A line that begins with “- [ ] ” is a step that people tick."
    )
    checked_on = models.DateField(
        null=True, blank=True, help_text="When somebody last went through it and found it true; empty = never."
    )
    is_active = models.BooleanField("active", default=True, help_text="Retired runbooks are not offered any more.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "title"], name="a_service_has_a_runbook_once")]

    def __str__(self) -> str:
        return self.title


class RunbookTick(models.Model):
    """A step was done in an incident, in the words that it had then. ``incidents.runbooks`` writes it."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="runbook_ticks")
    runbook = models.ForeignKey(Runbook, on_delete=models.PROTECT, related_name="+")
    step = models.CharField(max_length=300)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "runbook", "step"], name="a_step_is_ticked_once")]
