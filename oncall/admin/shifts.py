"""Calendars that are read and written, and what people say of their shifts: windows, with a few deeds."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from incidents.admin.configuration import signed_in
from incidents.admin.readonly import ReadOnlyAdmin
from incidents.refusals import Refusal
from oncall import feeds, foreign
from oncall.models import CalendarFeed, ForeignCalendar, HandoffNote, RotationWeight, ShiftWish


class DeedsAdmin(ReadOnlyAdmin):
    """A window whose list offers deeds; they ask nothing, since each can be done anew."""

    def do(self, request: HttpRequest, rows: QuerySet[Any], deed: Any, done: str) -> None:
        """Do the deed to each row and say what became of it."""
        for row in rows.order_by("pk"):
            try:
                deed(row, by=signed_in(request), at=timezone.now())
            except Refusal as refusal:
                self.message_user(request, f"{row}: {refusal}", messages.WARNING)
            else:
                self.message_user(request, done.format(row), messages.SUCCESS)


@admin.register(CalendarFeed)
class CalendarFeedAdmin(DeedsAdmin):
    """Addresses that calendar programs read; the secret itself is kept nowhere. People make them on their own pages."""

    list_display = ["__str__", "person", "schedule", "created_at", "read_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "schedule"]
    list_select_related = ["person", "schedule"]
    search_fields = ["person__name", "person__email", "schedule__name"]
    fields = ["person", "schedule", "created_at", "read_at", "revoked_at"]
    actions = ["revoke"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CalendarFeed]:
        """Load what the names and the deed need."""
        return super().get_queryset(request).select_related("person", "schedule__team")

    @admin.action(description="Revoke: whoever reads it is turned away")
    def revoke(self, request: HttpRequest, queryset: QuerySet[CalendarFeed]) -> None:
        """End those chosen."""
        self.do(request, queryset, feeds.revoke, "{} is revoked.")


@admin.register(ForeignCalendar)
class ForeignCalendarAdmin(DeedsAdmin):
    """Calendars behind layers. They are added on the page “Calendars” of their schedule; the address is a secret."""

    list_display = ["layer", "shown", "read_at", "tried_at", "failures", "last_error", "ended_at"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter), "layer__schedule"]
    list_select_related = ["layer__schedule", "by"]
    search_fields = ["layer__name", "layer__schedule__name", "shown"]
    fields = ["layer", "shown", "by", "due_at", "tried_at", "read_at", "failures", "last_error", "unknown", "ended_at"]
    actions = ["read_now", "end"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ForeignCalendar]:
        """Load what the names and the deeds need."""
        return super().get_queryset(request).select_related("layer__schedule__team", "by")

    @admin.action(description="Read now")
    def read_now(self, request: HttpRequest, queryset: QuerySet[ForeignCalendar]) -> None:
        """Have those chosen read within seconds."""
        self.do(request, queryset, foreign.ask_now, "{} is read within seconds.")

    @admin.action(description="End: the layer has nobody from now on")
    def end(self, request: HttpRequest, queryset: QuerySet[ForeignCalendar]) -> None:
        """End those chosen, with their layers."""
        self.do(request, queryset, foreign.detach, "{} is ended.")


@admin.register(ShiftWish)
class ShiftWishAdmin(ReadOnlyAdmin):
    """What people wish to hear of their shifts; each says it on their own page."""

    list_display = ["user", "soon", "moved", "handoff", "swaps", "daily_at"]
    list_select_related = ["user"]
    search_fields = ["user__name", "user__email"]


@admin.register(RotationWeight)
class RotationWeightAdmin(ReadOnlyAdmin):
    """How much of a schedule's turns is meant for a person; managers set it on the page “Fairness”."""

    list_display = ["schedule", "person", "weight"]
    list_filter = ["schedule"]
    list_select_related = ["schedule", "person"]
    search_fields = ["schedule__name", "person__name"]


@admin.register(HandoffNote)
class HandoffNoteAdmin(ReadOnlyAdmin):
    """What people left for whoever took over; written on the page “Handoff”."""

    list_display = ["schedule", "author", "written_at", "text"]
    list_filter = ["schedule"]
    list_select_related = ["schedule", "author"]
    search_fields = ["schedule__name", "author__name", "text"]
    date_hierarchy = "written_at"
