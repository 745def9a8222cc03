"""Windows on rows that deeds alone write: to look at, never to add, change or delete."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest


class ReadOnly:
    """Permissions of a window. The rows are written by deeds, so even an administrator only reads here."""

    written_by_deeds = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


class ReadOnlyAdmin(ReadOnly, admin.ModelAdmin):
    """A searchable list of what happened, newest first, and one page for each row."""

    ordering = ["-pk"]
    list_per_page = 50
    show_full_result_count = False


class ReadOnlyInline(ReadOnly, admin.TabularInline):
    """The rows that belong to another one, on its page. ``select`` names the foreign keys among the columns."""

    template = "admin/readonly_inline.html"
    extra = 0
    can_delete = False
    columns: tuple[str, ...] = ()
    select: tuple[str, ...] = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The columns."""
        return self.columns

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """All of them."""
        return self.columns

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Load the names that are shown with the rows."""
        rows = super().get_queryset(request)
        return rows.select_related(*self.select) if self.select else rows
