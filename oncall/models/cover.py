"""What changes a schedule by hand: overrides, swaps, schedules written down for a while; and leave."""

import pghistory
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Coalesce

from incidents.models import User
from oncall.models.schedule import Schedule

SPAN = Func("start", "end", RangeBoundary(), function="TSTZRANGE", output_field=DateTimeRangeField())
ENDS_AFTER_IT_BEGINS = Q(end__gt=F("start"))


class SwapState(models.TextChoices):
    """What became of a request."""

    OPEN = "open", "Open"
    TAKEN = "taken", "Taken"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


class Swap(models.Model):
    """A person's wish that somebody takes a shift of theirs, or a part of one. Written by ``oncall.swapping``.

    Once taken, an override that names it puts the other person in the place; it is never opened again.
    """

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="swaps")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    start = models.DateTimeField(help_text="UTC, included.")
    end = models.DateTimeField(help_text="UTC, not included.")
    asked = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty = anyone."
    )
    note = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=9, choices=SwapState, default=SwapState.OPEN)
    asked_at = models.DateTimeField(help_text="UTC.")
    expires_at = models.DateTimeField(help_text="UTC; when the shift starts, or ends if it was running when asked.")
    taken_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True, help_text="UTC; when it was taken, cancelled or expired.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=ENDS_AFTER_IT_BEGINS, name="swap_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(state=SwapState.TAKEN, taken_by__isnull=False)
                | (~Q(state=SwapState.TAKEN) & Q(taken_by=None)),
                name="swap_names_who_took_it",
            ),
            models.CheckConstraint(
                condition=Q(state=SwapState.OPEN, settled_at=None)
                | (~Q(state=SwapState.OPEN) & Q(settled_at__isnull=False)),
                name="swap_is_settled_unless_open",
            ),
            ExclusionConstraint(
                name="nobody_asks_twice_for_one_time",
                expressions=[
                    ("schedule", RangeOperators.EQUAL),
                    ("asked_by", RangeOperators.EQUAL),
                    (SPAN, RangeOperators.OVERLAPS),
                ],
                condition=Q(state=SwapState.OPEN),
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=Q(state="open"), name="swap_still_open")]

    def __str__(self) -> str:
        return f"swap of {self.asked_by_id} from {self.start:%Y-%m-%d %H:%M}"


@pghistory.track()
class TemporarySchedule(models.Model):
    """Fixed shifts for a while, for instance over holidays; nothing else counts in it.

    Written by ``oncall.temporaries``.
    """

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="temporaries")
    start = models.DateTimeField(help_text="UTC, included.")
    end = models.DateTimeField(help_text="UTC, not included.")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=ENDS_AFTER_IT_BEGINS, name="temporary_schedule_ends_after_it_begins"),
            ExclusionConstraint(
                name="one_temporary_schedule_at_a_time",
                expressions=[("schedule", RangeOperators.EQUAL), (SPAN, RangeOperators.OVERLAPS)],
                violation_error_message="Another temporary schedule stands in this time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


@pghistory.track()
class TemporaryShift(models.Model):
    """One person's time in a temporary schedule, inside its range; several people may share a time."""

    temporary = models.ForeignKey(TemporarySchedule, on_delete=models.CASCADE, related_name="shifts")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    start = models.DateTimeField(help_text="UTC, included.")
    end = models.DateTimeField(help_text="UTC, not included.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=ENDS_AFTER_IT_BEGINS, name="temporary_shift_ends_after_it_begins"),
            ExclusionConstraint(
                name="nobody_has_two_temporary_shifts_at_once",
                expressions=[
                    ("temporary", RangeOperators.EQUAL),
                    ("person", RangeOperators.EQUAL),
                    (SPAN, RangeOperators.OVERLAPS),
                ],
            ),
        ]


@pghistory.track()
class Leave(models.Model):
    """A time in which a person is away. It takes them off no rota: their shifts in it need cover.

    Written by ``oncall.absences``.
    """

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="leave")
    start = models.DateTimeField(help_text="UTC, included.")
    end = models.DateTimeField(help_text="UTC, not included.")
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=ENDS_AFTER_IT_BEGINS, name="leave_ends_after_it_begins"),
            ExclusionConstraint(
                name="nobody_is_on_leave_twice",
                expressions=[("person", RangeOperators.EQUAL), (SPAN, RangeOperators.OVERLAPS)],
                violation_error_message="This person is on leave in a part of this time already.",
            ),
        ]
        verbose_name_plural = "leave"

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


class OverrideKind(models.TextChoices):
    """What an override does to the answer."""

    ADD = "add", "Add a person"
    REMOVE = "remove", "Remove a person"
    REPLACE = "replace", "Replace a person"


@pghistory.track()
class Override(models.Model):
    """For a span of time somebody is added, removed or replaced. Written by ``oncall.overriding``.

    Two overrides of one schedule contradict each other where they overlap and

    - both take the same person off (removals, or replacements of that person), or
    - both are an addition or a removal of the same person.

    The replacements of swaps are left out of the first rule: they follow each other, each with the consent of whoever
    is on call by then. A chain is no contradiction (Ben for Amira, then Chen for Ben), and one person may stand in for
    several.
    """

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="overrides")
    start = models.DateTimeField(help_text="UTC, included.")
    end = models.DateTimeField(help_text="UTC, not included.")
    kind = models.CharField(max_length=8, choices=OverrideKind, default=OverrideKind.REPLACE)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    replaces = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    swap = models.OneToOneField(
        Swap, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="override"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=ENDS_AFTER_IT_BEGINS,
                name="override_ends_after_it_begins",
                violation_error_message="The override must end after it begins.",
            ),
            models.CheckConstraint(
                condition=~Q(kind="replace") | Q(replaces__isnull=False),
                name="a_replacement_names_whom",
                violation_error_message="Say who is replaced.",
            ),
            models.CheckConstraint(
                condition=Q(kind="replace") | Q(replaces=None),
                name="only_a_replacement_names_whom",
                violation_error_message="Only a replacement names whom. Leave this empty.",
            ),
            ExclusionConstraint(
                name="nobody_is_taken_off_twice",
                expressions=[
                    ("schedule", RangeOperators.EQUAL),
                    (Coalesce("replaces", "person"), RangeOperators.EQUAL),
                    (SPAN, RangeOperators.OVERLAPS),
                ],
                condition=~Q(kind="add") & Q(swap=None),
                violation_error_message="Another override takes this person off in that time.",
            ),
            ExclusionConstraint(
                name="nobody_is_added_and_removed",
                expressions=[
                    ("schedule", RangeOperators.EQUAL),
                    ("person", RangeOperators.EQUAL),
                    (SPAN, RangeOperators.OVERLAPS),
                ],
                condition=~Q(kind="replace"),
                violation_error_message="Another override adds or removes this person in that time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.person_id} from {self.start:%Y-%m-%d %H:%M}"
