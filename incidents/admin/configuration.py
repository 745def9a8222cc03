"""What the pages of all configuration rows share: history, buttons that call deeds, no deletion."""

import zoneinfo
from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from incidents.admin import history
from incidents.admin.spans import SpanField
from incidents.models import User
from incidents.refusals import Refusal

ZONES = {"list": "zones", "autocomplete": "off", "spellcheck": "false", "class": "vTextField"}
FIELDS: dict[Any, Any] = {
    models.DurationField: {"form_class": SpanField},
    ArrayField: {"widget": forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"})},
}

Deed = Callable[[Any], object]


class ConfigurationAdmin(admin.ModelAdmin):
    """A page on which administrators change what the product works with. Rows are retired, never deleted.

    ``buttons`` names the actions that a row's own page offers too. ``branches`` are the rows whose history is told with
    the row's own.
    """

    formfield_overrides = FIELDS
    object_history_template = "admin/history.html"
    buttons: tuple[str, ...] = ()
    branches: tuple[history.Branch, ...] = ()
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: history points to these rows."""
        return False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the names of time zones while one is typed."""
        return super().formfield_for_dbfield(db_field, request, **_with_zones(db_field, kwargs))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Add the names of time zones and the row's buttons."""
        row = kwargs.get("obj")
        context["zones"] = sorted(zoneinfo.available_timezones())
        context["buttons"] = list(self.buttons_for(request, row)) if row else []
        return super().render_change_form(request, context, *args, **kwargs)

    def buttons_for(self, request: HttpRequest, row: Any) -> Iterable[tuple[str, str]]:
        """The name and the label of each action that the row's page offers."""
        actions = self.get_actions(request)
        return [(name, str(action[2])) for name in self.buttons if (action := actions.get(name))]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Tell every change of the row, by whomever and on whatever way, not only those made here."""
        row = self.get_object(request, unquote(object_id))
        told = history.changes_of(row, self.branches) if row else []
        return super().history_view(request, object_id, {"changes": told, **(extra_context or {})})

    def confirm(
        self, request: HttpRequest, rows: QuerySet[Any], *, text: str, yes: str, form: forms.Form | None = None
    ) -> TemplateResponse | None:
        """Ask before an action is carried out; None = it has been confirmed, and the form's answers are valid."""
        if "confirmed" in request.POST and (form is None or form.is_valid()):
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": yes,
            "opts": self.opts,
            "rows": rows.order_by("pk"),
            "text": text,
            "yes": yes,
            "form": form,
            "action": request.POST.get("action", ""),
            "from_page": request.POST.get("from_page", ""),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/confirm.html", context)

    def carry_out(self, request: HttpRequest, rows: QuerySet[Any], deed: Deed, *, done: str) -> HttpResponse | None:
        """Do the deed to each row and say what became of it; ``done`` has a place for the row: “{} is …”."""
        for row in rows.order_by("pk"):
            try:
                deed(row)
            except Refusal as refusal:
                self.message_user(request, str(refusal), messages.WARNING)
            else:
                self.message_user(request, done.format(row), messages.SUCCESS)
        return self.back(request)

    def back(self, request: HttpRequest) -> HttpResponse | None:
        """Return to the row's page when the action was begun there; None = to the list."""
        pk = request.POST.get("from_page")
        return (
            redirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[pk])) if pk else None
        )


class RowInline(admin.TabularInline):
    """Rows that belong to a configuration row and may come and go."""

    formfield_overrides = FIELDS
    extra = 0

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the names of time zones while one is typed."""
        return super().formfield_for_dbfield(db_field, request, **_with_zones(db_field, kwargs))


def warning(text: str) -> SafeString:
    """The text as a red note; empty stays empty."""
    return format_html('<ul class="errorlist"><li>{}</li></ul>', text) if text else SafeString("")


def signed_in(request: HttpRequest) -> User:
    """The administrator whose request this is; the admin site let nobody else in.

    Raises:
        PermissionDenied: nobody is signed in.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _with_zones(db_field: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    if db_field.name == "time_zone":
        kwargs["widget"] = forms.TextInput(attrs=ZONES)
    return kwargs
