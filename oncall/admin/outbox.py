"""What the pager did: windows on escalations, pages, deliveries and the sandbox, all written by deeds."""

from django.contrib import admin

from incidents.admin.incident import OfIncidentAdmin
from incidents.admin.readonly import ReadOnlyAdmin, ReadOnlyInline
from oncall.models import Attempt, Delivery, Escalation, EscalationStep, Page, Provider, ReceivedText, SandboxMessage


class StepInline(ReadOnlyInline):
    """The run's own copy of the ladder."""

    model = EscalationStep
    columns = (
        "loop", "level", "due_at", "condition", "act", "targets", "task_title", "proposes", "state", "fired_at",
        "outcome",
    )  # fmt: skip
    select = ("proposes",)
    ordering = ["loop", "level", "pk"]


@admin.register(Escalation)
class EscalationAdmin(OfIncidentAdmin):
    """Runs through a ladder, each under one severity of one incident."""

    list_display = ["incident", "policy_name", "severity", "state", "why", "loop", "started_at", "due_at", "ended_at"]
    list_filter = ["state", "severity", "policy_name"]
    list_select_related = ["incident", "severity"]
    search_fields = ["incident__title", "policy_name", "why"]
    date_hierarchy = "started_at"
    inlines = [StepInline]


class DeliveryInline(ReadOnlyInline):
    """The messages that carry a page."""

    model = Delivery
    columns = ("channel", "address", "state", "created_at", "sent_at", "attempts", "error")
    ordering = ["pk"]


@admin.register(Page)
class PageAdmin(OfIncidentAdmin):
    """Who was paged or informed, and why."""

    list_display = ["id", "incident", "person", "act", "level", "reason", "created_at", "acknowledged_at", "ended_at"]
    list_filter = ["act", ("acknowledged_at", admin.EmptyFieldListFilter), ("ended_at", admin.EmptyFieldListFilter)]
    list_select_related = ["incident", "person"]
    search_fields = ["incident__title", "person__name", "person__email", "reason"]
    date_hierarchy = "created_at"
    inlines = [DeliveryInline]


class AttemptInline(ReadOnlyInline):
    """Each try to hand a message over."""

    model = Attempt
    columns = ("number", "transport", "at", "outcome", "detail")
    ordering = ["number", "pk"]


@admin.register(Delivery)
class DeliveryAdmin(OfIncidentAdmin):
    """Messages on their way, and what became of them."""

    list_display = ["id", "person", "channel", "address", "state", "created_at", "sent_at", "attempts", "error"]
    list_filter = ["state", "channel"]
    list_select_related = ["person"]
    search_fields = ["person__name", "person__email", "address", "error", "page__incident__title"]
    incident_field = "page__incident__number"
    date_hierarchy = "created_at"
    inlines = [AttemptInline]


@admin.register(SandboxMessage)
class SandboxMessageAdmin(OfIncidentAdmin):
    """What phones would have received."""

    list_display = ["subject", "person", "channel", "address", "at"]
    list_filter = ["channel"]
    list_select_related = ["person"]
    search_fields = ["subject", "text", "person__name", "address"]
    incident_field = "delivery__page__incident__number"
    date_hierarchy = "at"
    fields = ["person", "channel", "address", "subject", "text", "at"]


@admin.register(Provider)
class ProviderAdmin(ReadOnlyAdmin):
    """How the providers are; one that rests is not asked until then."""

    list_display = ["name", "failures", "rests_until", "failed_at", "worked_at", "last_error"]
    search_fields = ["name", "last_error"]
    ordering = ["-failures", "name", "pk"]


@admin.register(ReceivedText)
class ReceivedTextAdmin(ReadOnlyAdmin):
    """Texts that came from known phones, and what was answered."""

    list_display = ["at", "number", "text", "understood", "answer"]
    list_filter = ["understood"]
    search_fields = ["number", "text", "answer"]
    date_hierarchy = "at"
    ordering = ["-at", "-pk"]
