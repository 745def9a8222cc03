"""Incidents and what happened in them: windows alone, since deeds write every one of these rows."""

import logging
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from incidents.admin.configuration import signed_in
from incidents.admin.readonly import ReadOnlyAdmin, ReadOnlyInline
from incidents.intake import explaining
from incidents.models import (
    Alert,
    Clock,
    Decision,
    Incident,
    MitigationAction,
    Notice,
    Participant,
    PhaseEntry,
    RawEvent,
    SeverityChange,
    Task,
    TimelineEntry,
)

log = logging.getLogger(__name__)


def find_number(queryset: QuerySet[Any], search_term: str, field: str) -> QuerySet[Any] | None:
    """The rows of the incident that a term such as INC-7 or 7 names; None = the term names none."""
    digits = search_term.strip().upper().removeprefix("INC-")
    return queryset.filter(**{field: int(digits)}) if digits.isdecimal() and len(digits) < 10 else None


class OfIncidentAdmin(ReadOnlyAdmin):
    """Rows of incidents; the search also takes INC-7. ``incident_field`` leads to the incident's number."""

    incident_field = "incident__number"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Look for the incident's number besides the words."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        by_number = find_number(queryset, search_term, self.incident_field)
        return (found if by_number is None else found | by_number), may_repeat


class ClockInline(ReadOnlyInline):
    """Obligations."""

    model = Clock
    columns = ("rule", "severity", "started_at", "due_at", "met_at", "state")
    select = ("severity",)
    ordering = ["started_at", "pk"]


class PhaseInline(ReadOnlyInline):
    """When each phase was entered."""

    model = PhaseEntry
    verbose_name_plural = "phases"
    columns = ("phase", "entered_at")
    ordering = ["entered_at", "pk"]


class SeverityChangeInline(ReadOnlyInline):
    """Changes of the level."""

    model = SeverityChange
    columns = ("at", "old", "new", "by", "reason")
    select = ("old", "new", "by")
    ordering = ["at", "pk"]


class ParticipantInline(ReadOnlyInline):
    """Who takes part."""

    model = Participant
    columns = ("user", "why", "since", "joined_at")
    select = ("user",)
    ordering = ["since", "pk"]


class TaskInline(ReadOnlyInline):
    """What is to be done."""

    model = Task
    columns = ("title", "owner", "role", "created_at", "due_at", "done_at", "done_by", "outcome", "follow_up")
    select = ("owner", "done_by")
    ordering = ["created_at", "pk"]


class DecisionInline(ReadOnlyInline):
    """What was decided, or asked."""

    model = Decision
    columns = ("text", "asked_by", "asked_at", "decided_by", "decided_at", "withdrawn_at")
    select = ("asked_by", "decided_by")
    ordering = ["pk"]


class ActionInline(ReadOnlyInline):
    """What was tried, and whether it worked."""

    model = MitigationAction
    columns = ("remedy", "text", "owner", "started_at", "finished_at", "worked", "outcome")
    select = ("owner",)
    ordering = ["started_at", "pk"]


@admin.register(Incident)
class IncidentAdmin(OfIncidentAdmin):
    """Incidents as stored. They are run on their own page, which “View in Tocsin” opens."""

    list_display = ["ref", "title", "severity", "status", "phase", "kind", "service", "detected_at", "held_by"]
    list_display_links = ["ref", "title"]
    list_filter = ["status", "severity", "kind", "phase", "detection", "private", "service__team"]
    list_select_related = ["severity", "service", "held_by"]
    search_fields = ["title", "service__name", "service__slug", "summary"]
    incident_field = "number"
    ordering = ["-number"]
    date_hierarchy = "detected_at"
    inlines = [
        PhaseInline,
        ClockInline,
        SeverityChangeInline,
        ParticipantInline,
        TaskInline,
        DecisionInline,
        ActionInline,
    ]
    readonly_fields = ["story"]
    fieldsets = [
        (None, {"fields": ["number", "title", "status", "phase", "kind", "private", "summary", "story"]}),
        (
            "Severity and impact",
            {
                "fields": [
                    ("severity", "peak_severity"),
                    ("suggested_severity", "severity_assumed"),
                    ("service", "affected_services"),
                    ("affected_percent", "urgency"),
                    "workaround",
                ]
            },
        ),
        (
            "Times (UTC)",
            {
                "fields": [
                    ("impact_started_at", "detected_at"),
                    ("declared_at", "declared_by"),
                    ("detection", "contract_started_at"),
                    ("acknowledged_at", "acknowledged_by"),
                    ("held_since", "held_by"),
                    ("mitigated_at", "recovered_at"),
                    ("resolved_at", "closed_at"),
                ]
            },
        ),
        ("How it ended", {"fields": ["mitigation", "root_cause", "not_yet_because", "ended_because", "merged_into"]}),
        ("Inner workings", {"fields": ["group_key", "time_scale", "version", "timeline_seq"], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Incident]:
        """Pass the one gate, as every reader does."""
        return Incident.objects.visible_to(signed_in(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Incident | None:
        """Note each look of an administrator at a private incident."""
        incident: Incident | None = super().get_object(request, object_id, from_field)
        if incident and incident.private:
            log.info("user %d looked at the private %s in the admin site", signed_in(request).pk, incident.ref)
        return incident

    @admin.display(description="Reference", ordering="number")
    def ref(self, incident: Incident) -> str:
        """INC-7."""
        return incident.ref

    @admin.display(description="Told in full")
    def story(self, incident: Incident) -> SafeString:
        """The ways to the rows that would be too many for this page."""
        links = [("timeline", "timelineentry"), ("alerts", "alert"), ("notices", "notice")]
        return format_html_join(
            ", ",
            '<a href="{}?incident__id__exact={}">{}</a>',
            ((reverse(f"admin:incidents_{model}_changelist"), incident.pk, label) for label, model in links),
        )


@admin.register(TimelineEntry)
class TimelineEntryAdmin(OfIncidentAdmin):
    """What was written about incidents. The database itself refuses to change or delete a line."""

    list_display = ["incident", "seq", "kind", "occurred_at", "recorded_at", "actor", "short_text"]
    list_display_links = ["seq"]
    list_filter = ["kind", "occurred_at"]
    list_select_related = ["incident", "actor"]
    search_fields = ["text", "incident__title", "actor__name"]
    date_hierarchy = "recorded_at"
    fields = ["incident", "seq", "kind", "occurred_at", "recorded_at", "actor", "role", "text", "data"]
    fields += ["replaces", "corrected_by"]

    @admin.display(description="Text")
    def short_text(self, entry: TimelineEntry) -> str:
        """The beginning of the text."""
        return entry.text[:120]


@admin.register(Alert)
class AlertAdmin(OfIncidentAdmin):
    """What sources complained about."""

    list_display = ["summary", "status", "severity", "integration", "incident", "count", "last_received_at"]
    list_filter = ["status", "severity", "integration__kind", "integration__service"]
    list_select_related = ["severity", "integration", "incident"]
    search_fields = ["summary", "dedup_key", "group_key", "source", "integration__name"]
    date_hierarchy = "first_received_at"


@admin.register(RawEvent)
class RawEventAdmin(ReadOnlyAdmin):
    """Requests as they came in, and what was made of each."""

    list_display = ["id", "integration", "format", "dedup_key", "received_at", "processed_at", "rejected_because"]
    list_filter = [
        "format",
        ("processed_at", admin.EmptyFieldListFilter),
        ("rejected_because", admin.EmptyFieldListFilter),
        "integration__service",
    ]
    list_select_related = ["integration"]
    search_fields = ["dedup_key", "integration__name", "rejected_because", "last_error"]
    date_hierarchy = "received_at"
    fields = [
        "integration", "format", "dedup_key", "received_at", "processed_at", "rejected_because", "outcome",
        "not_before", "attempts", "last_error", "content",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[RawEvent]:
        """Leave the bodies out of lists: they may be large."""
        rows = super().get_queryset(request)
        is_page = request.resolver_match is not None and "object_id" in request.resolver_match.kwargs
        return rows if is_page else rows.defer("body", "outcome")

    @admin.display(description="Body")
    def content(self, event: RawEvent) -> SafeString:
        """The body as text, without the integration's key."""
        return format_html("<pre>{}</pre>", explaining.body_of(event))


@admin.register(Notice)
class NoticeAdmin(OfIncidentAdmin):
    """What people had to be told."""

    list_display = ["subject", "person", "incident", "due_at", "dispatched_at", "read_at"]
    list_filter = [("dispatched_at", admin.EmptyFieldListFilter), "due_at"]
    list_select_related = ["person", "incident"]
    search_fields = ["subject", "text", "person__name", "person__email"]
    date_hierarchy = "due_at"


@admin.register(Task)
class TaskAdmin(OfIncidentAdmin):
    """What was to be done during incidents."""

    list_display = ["title", "incident", "owner", "role", "created_at", "due_at", "done_at", "follow_up"]
    list_filter = [("done_at", admin.EmptyFieldListFilter), "dropped", "follow_up", "role"]
    list_select_related = ["incident", "owner"]
    search_fields = ["title", "incident__title", "owner__name"]
    date_hierarchy = "created_at"


@admin.register(Clock)
class ClockAdmin(OfIncidentAdmin):
    """Obligations and what became of them."""

    list_display = ["incident", "rule", "severity", "started_at", "due_at", "met_at", "state"]
    list_display_links = ["rule"]
    list_filter = ["state", "rule", "severity"]
    list_select_related = ["incident", "severity"]
    search_fields = ["incident__title", "rule"]
    date_hierarchy = "due_at"
