"""Checklists of the phases and runbooks of the services."""

from django.contrib import admin

from incidents.admin.configuration import ConfigurationAdmin
from incidents.models import ChecklistItem, Runbook
from incidents.runbooks import steps_of


@admin.register(ChecklistItem)
class ChecklistItemAdmin(ConfigurationAdmin):
    """What each phase should not be left without, and up to which level it is asked for."""

    list_display = ["text", "phase", "place", "asked_to", "is_active"]
    list_filter = ["is_active", "phase", "asked_to"]
    search_fields = ["text", "hint"]
    ordering = ["phase", "place", "pk"]
    fields = ["phase", "place", "text", "hint", "asked_to", "is_active"]


@admin.register(Runbook)
class RunbookAdmin(ConfigurationAdmin):
    """What to do when a service fails."""

    list_display = ["title", "service", "steps", "checked_on", "is_active"]
    list_filter = ["is_active", ("checked_on", admin.EmptyFieldListFilter), "service__team"]
    list_select_related = ["service"]
    search_fields = ["title", "text", "service__name", "service__slug"]
    ordering = ["service__name", "title", "pk"]
    autocomplete_fields = ["service"]
    fields = ["service", "title", "text", "checked_on", "is_active"]

    @admin.display(description="Steps")
    def steps(self, runbook: Runbook) -> int:
        """How many steps can be ticked."""
        return len(steps_of(runbook))
