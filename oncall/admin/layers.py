"""The layers of a schedule: all of them with their rows on the schedule's page, and a window on each version."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from incidents.admin.readonly import ReadOnlyAdmin, ReadOnlyInline
from oncall.admin.layer_forms import LayerForm, LayersFormSet
from oncall.models import Layer, LayerPerson, Restriction


class LayersInline(admin.StackedInline):
    """The layers that count now or later, each with its people and windows; ordered by drag or by number."""

    model = Layer
    form = LayerForm
    formset = LayersFormSet
    extra = 1
    template = "admin/oncall/layers.html"
    verbose_name_plural = "layers"


class PeopleInline(ReadOnlyInline):
    """Who took turns in the version."""

    model = LayerPerson
    columns = ("slot", "user")
    select = ("user",)
    ordering = ["slot", "pk"]
    verbose_name_plural = "people, in the order of their turns"


class WindowsInline(ReadOnlyInline):
    """When the version was in force."""

    model = Restriction
    columns = ("weekday", "start", "end")
    ordering = ["weekday", "start", "pk"]
    verbose_name_plural = "weekly windows"


@admin.register(Layer)
class LayerAdmin(ReadOnlyAdmin):
    """Every version of every layer, past ones included; layers are edited on the page of their schedule."""

    list_display = ["name", "schedule", "priority", "unit", "length", "anchor", "effective_from", "effective_until"]
    list_filter = ["schedule", "unit"]
    list_select_related = ["schedule"]
    search_fields = ["name", "schedule__name", "people__user__name"]
    ordering = ["schedule__name", "-priority", "-effective_from", "pk"]
    inlines = [PeopleInline, WindowsInline]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Load the schedule that each is named by."""
        return super().get_queryset(request).select_related("schedule")
