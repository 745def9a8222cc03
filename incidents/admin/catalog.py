"""Services, and the doors through which their alerts come in."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from incidents import integrations
from incidents.admin.configuration import ConfigurationAdmin, RowInline, signed_in
from incidents.admin.history import Branch
from incidents.admin.readonly import ReadOnlyInline
from incidents.intake import generic
from incidents.models import Component, Heartbeat, Integration, IntegrationKind, RawEvent, Route, Service

LONGEST_PATH = 200  # characters


class ComponentInline(RowInline):
    """The parts of a service."""

    model = Component


class IntegrationsOfServiceInline(ReadOnlyInline):
    """The doors of a service; each opens on a page of its own, where its key stands."""

    model = Integration
    columns = ("door", "kind", "is_active", "created_at")
    ordering = ["name", "pk"]

    @admin.display(description="Name")
    def door(self, integration: Integration) -> SafeString:
        """The name, leading to the key."""
        url = reverse("admin:incidents_integration_change", args=[integration.pk])
        return format_html('<a href="{}">{}</a>', url, integration.name)


@admin.register(Service)
class ServiceAdmin(ConfigurationAdmin):
    """Services with their parts and their doors."""

    list_display = ["name", "slug", "team", "revenue_path", "core", "is_active"]
    list_filter = ["is_active", "revenue_path", "core", "team"]
    list_select_related = ["team"]
    search_fields = ["name", "slug", "description", "team__name", "components__name"]
    ordering = ["name", "pk"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["team"]
    readonly_fields = ["doors"]
    inlines = [ComponentInline, IntegrationsOfServiceInline]
    branches = (Branch(Component, "service"), Branch(Integration, "service"))
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "team", "is_active"]}),
        (
            "What hangs on it",
            {
                "fields": ["revenue_path", "core", "alert_limit"],
                "description": "Both count when a severity is suggested; the revenue path also raises the urgency.",
            },
        ),
        ("Alerts", {"fields": ["doors"]}),
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Offer services in use alone where one is being chosen."""
        if request.path.endswith("/autocomplete/"):
            queryset = queryset.filter(is_active=True)
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="Integrations")
    def doors(self, service: Service) -> SafeString | str:
        """The way to another door."""
        if service.pk is None:
            return "Save the service first, then give it an integration."
        add = reverse("admin:incidents_integration_add")
        return format_html('Listed below. <a href="{}?service={}">Add an integration</a>', add, service.pk)


class HeartbeatInline(ReadOnlyInline):
    """What a heartbeat is waited for; it is changed on the page of heartbeats, which judges its time anew."""

    model = Heartbeat
    columns = ("period", "grace", "muted", "heard_at", "due_at")
    ordering = ["pk"]


class RouteInline(RowInline):
    """Where the alerts of an integration belong, in order; on the routes page they can be tried out first."""

    model = Route
    fields = ["place", "name", "conditions", "service", "severity", "policy", "group_by", "is_active"]
    ordering = ["place", "pk"]
    autocomplete_fields = ["service"]
    formfield_overrides = {models.TextField: {"widget": forms.Textarea(attrs={"rows": 2, "cols": 30})}}


class IntegrationForm(forms.ModelForm):
    """An integration; a mapping belongs to generic JSON and leads from our words to paths in the payload."""

    def clean_mapping(self) -> dict[str, str]:
        """Refuse what intake could not follow."""
        mapping = self.cleaned_data["mapping"] or {}
        if not isinstance(mapping, dict):
            raise ValidationError('Write an object, for example {"summary": "event.title"}.')
        unknown = [word for word in mapping if word not in generic.DEFAULTS]
        if unknown:
            raise ValidationError(f"“{'”, “'.join(unknown)}” is not read. Use: {', '.join(generic.DEFAULTS)}.")
        for word, path in mapping.items():
            if not isinstance(path, str) or not 0 < len(path.strip()) <= LONGEST_PATH:
                raise ValidationError(f"“{word}” must lead to a path in the payload, written as text: event.title.")
        return mapping

    def clean(self) -> dict[str, Any]:
        """Refuse a mapping that would never be read."""
        said = super().clean() or self.cleaned_data
        kind = said.get("kind") or self.instance.kind
        if said.get("mapping") and kind and kind != IntegrationKind.GENERIC:
            self.add_error("mapping", "Only generic JSON has a mapping. Leave it empty for this kind.")
        return said


@admin.register(Integration)
class IntegrationAdmin(ConfigurationAdmin):
    """Doors for alerts. A key is shown on the integration's own page alone, never in a list."""

    form = IntegrationForm
    list_display = ["name", "kind", "service", "team", "is_active", "created_at"]
    list_filter = ["is_active", "kind", "auto_resolve", "service__team"]
    list_select_related = ["service__team"]
    search_fields = ["name", "service__name", "service__slug", "service__team__name"]
    ordering = ["name", "pk"]
    date_hierarchy = "created_at"
    autocomplete_fields = ["service"]
    actions = ["rotate_key"]
    buttons = ("rotate_key",)
    inlines = [RouteInline, HeartbeatInline]
    branches = (Branch(Route, "integration"),)
    add_fieldsets = [
        (None, {"fields": ["service", "kind", "name"], "description": "The key is made when you save."}),
        ("What comes in", {"fields": ["auto_resolve", "reopen_within", "mapping"]}),
    ]
    fieldsets = [
        (None, {"fields": ["service", "kind", "name", "is_active"]}),
        ("Address", {"fields": ["secret_key", "address", "howto", "last_heard", "created_at"]}),
        ("What comes in", {"fields": ["auto_resolve", "reopen_within", "mapping"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Integration | None = None) -> Any:
        """Ask for little at first."""
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Integration | None = None) -> list[str]:
        """The kind stays: senders have its address."""
        shown = ["secret_key", "address", "howto", "last_heard", "created_at"]
        return [*shown, "kind"] if obj else shown

    @admin.display(description="Team", ordering="service__team__name")
    def team(self, integration: Integration) -> str:
        """The team that owns the service."""
        return integration.service.team.name

    @admin.display(description="Key")
    def secret_key(self, integration: Integration) -> SafeString:
        """The key itself; only administrators come this far."""
        return format_html("<code>{}</code>", integration.key)

    @admin.display(description="URL to paste")
    def address(self, integration: Integration) -> SafeString:
        """Where the sender posts to."""
        return format_html("<code>{}</code>", integrations.url_of(integration))

    @admin.display(description="How to connect it")
    def howto(self, integration: Integration) -> SafeString:
        """What to write into the sender."""
        context = {"integration": integration, "url": integrations.url_of(integration)}
        return SafeString(render_to_string("admin/incidents/howto.html", context))

    @admin.display(description="Last heard from")
    def last_heard(self, integration: Integration) -> str:
        """When the newest request came in."""
        newest = RawEvent.objects.filter(integration=integration).order_by("-pk").first()
        return f"{newest.received_at:%Y-%m-%d %H:%M:%S} UTC" if newest else "Never: nothing has come in yet."

    @admin.action(description="Rotate the key")
    def rotate_key(self, request: HttpRequest, queryset: QuerySet[Integration]) -> HttpResponse | None:
        """Give the chosen integrations new keys."""
        text = "A new key is made and the old one is refused at once. Alerts are lost until the sender has the new URL."
        if question := self.confirm(request, queryset, text=text, yes="Rotate the key"):
            return question
        by, at = signed_in(request), timezone.now()
        return self.carry_out(
            request,
            queryset,
            lambda integration: integrations.rotate_key(integration, by=by, at=at),
            done="{} has a new key. Give it to the sender now.",
        )
