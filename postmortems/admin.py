"""Postmortems to look at. They are written in forms, which keep every version and catch two writers at once."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from incidents.admin.configuration import ConfigurationAdmin
from incidents.admin.incident import OfIncidentAdmin
from incidents.admin.readonly import ReadOnlyInline
from postmortems.models import ActionDeadline, ActionItem, Postmortem, Section, SectionRevision, Why


class SectionInline(ReadOnlyInline):
    """The six sections as they stand."""

    model = Section
    columns = ("key", "text", "version", "edited_by", "edited_at")
    select = ("edited_by",)
    ordering = ["position", "pk"]


@admin.register(Postmortem)
class PostmortemAdmin(OfIncidentAdmin):
    """What teams learned, with the date by which it is due."""

    list_display = ["incident", "status", "owner", "due_at", "created_at"]
    list_filter = ["status", "incident__severity", "incident__service__team"]
    list_select_related = ["incident", "owner"]
    search_fields = ["incident__title", "owner__name", "sections__text"]
    date_hierarchy = "due_at"
    inlines = [SectionInline]


@admin.register(SectionRevision)
class SectionRevisionAdmin(OfIncidentAdmin):
    """Every text that was ever saved."""

    list_display = ["name", "version", "by", "at"]
    list_filter = ["section__key"]
    list_select_related = ["section__postmortem__incident", "by"]
    search_fields = ["text", "by__name", "section__postmortem__incident__title"]
    incident_field = "section__postmortem__incident__number"
    date_hierarchy = "at"
    fields = ["name", "version", "text", "by", "at"]

    @admin.display(description="Section")
    def name(self, revision: SectionRevision) -> str:
        """The section and its incident."""
        section = revision.section
        return f"{section.get_key_display()} of {section.postmortem.incident.ref}"


@admin.register(Why)
class WhyAdmin(OfIncidentAdmin):
    """The answers of the five whys, with what they explain."""

    list_display = ["__str__", "postmortem", "is_root_cause", "category", "confidence", "created_by", "created_at"]
    list_filter = ["is_root_cause", "category", "kind"]
    list_select_related = ["postmortem", "created_by"]
    search_fields = ["answer", "question", "postmortem__incident__title"]
    incident_field = "postmortem__incident__number"
    date_hierarchy = "created_at"


@admin.register(ActionItem)
class ActionItemAdmin(OfIncidentAdmin):
    """What is to be done, by whom, until when. Items are changed on their own page."""

    list_display = ["title", "incident", "owner", "due_date", "status", "kind", "term"]
    list_filter = ["status", "kind", "term", "origin", "incident__service__team"]
    list_select_related = ["incident", "owner"]
    search_fields = ["title", "detail", "owner__name", "incident__title"]
    date_hierarchy = "due_date"


@admin.register(ActionDeadline)
class ActionDeadlineAdmin(ConfigurationAdmin):
    """How long action items of a level may take, and which levels make one by themselves: one row for each level."""

    list_display = ["severity", "days", "made_on_declare"]
    list_select_related = ["severity"]
    search_fields = ["severity__name"]
    ordering = ["severity"]
    readonly_fields = ["severity"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: each level has its row."""
        return False
