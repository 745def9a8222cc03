"""Windows on quiet times. They are planned, changed and ended on their own pages, where what they hold back stands."""

from django.contrib import admin

from incidents.admin.readonly import ReadOnlyAdmin
from incidents.models import Maintenance, Silence


@admin.register(Maintenance)
class MaintenanceAdmin(ReadOnlyAdmin):
    """Planned maintenance, past and to come; “View in Tocsin” opens the page on which it is changed."""

    list_display = ["title", "start", "end", "by", "cancelled_at"]
    list_filter = [("cancelled_at", admin.EmptyFieldListFilter), "services__team"]
    list_select_related = ["by"]
    search_fields = ["title", "note", "services__name", "services__slug"]
    date_hierarchy = "start"


@admin.register(Silence)
class SilenceAdmin(ReadOnlyAdmin):
    """Silences, past and present."""

    list_display = ["reason", "service", "conditions", "start", "end", "by", "cancelled_at"]
    list_filter = [("cancelled_at", admin.EmptyFieldListFilter), "service__team"]
    list_select_related = ["by", "service"]
    search_fields = ["reason", "conditions", "service__name", "service__slug"]
    date_hierarchy = "start"
