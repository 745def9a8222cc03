"""Postmortems to look at. They are written in forms, which keep every version and catch two writers at once."""

from django.contrib import admin

from incidents.admin.incident import OfIncidentAdmin
from incidents.admin.readonly import ReadOnlyInline
from postmortems.models import Postmortem, Section, SectionRevision


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
