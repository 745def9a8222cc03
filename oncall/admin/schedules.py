"""Schedules with their layers and overrides on one page, changed through the deeds that keep the past true."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from incidents.admin.configuration import ConfigurationAdmin, warning
from incidents.admin.history import Branch
from incidents.refusals import Refusal
from oncall import scheduling
from oncall.admin import preview
from oncall.admin.cover import OverrideInline, save_overrides
from oncall.admin.layer_forms import LayersFormSet
from oncall.admin.layers import LayersInline
from oncall.agenda import Agenda
from oncall.models import Layer, LayerPerson, Override, Restriction, Schedule
from oncall.reach import usable_methods

NO_ROTATION = "Nobody is in a rotation of this schedule: it pages nobody."
SHIFTS = 6  # shown on a schedule's page


def counting(at: datetime, path: str = "") -> Q:
    """The layers that count at the instant or later; ``path`` leads to them."""
    return Q(**{f"{path}effective_until": None}) | Q(**{f"{path}effective_until__gt": at})


@admin.register(Schedule)
class ScheduleAdmin(ConfigurationAdmin):
    """Schedules: who is on call now stands at the top, computed by the function that the pager asks."""

    list_display = ["name", "team", "rotation", "time_zone", "answers_for_team", "is_active"]
    list_filter = ["is_active", "answers_for_team", "team"]
    list_select_related = ["team"]
    search_fields = ["name", "slug", "team__name", "layers__people__user__name"]
    ordering = ["-is_active", "name", "pk"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["team"]
    readonly_fields = ["on_call"]
    branches = (
        Branch(Layer, "schedule", (Branch(LayerPerson, "layer"), Branch(Restriction, "layer"))),
        Branch(Override, "schedule"),
    )
    about = (None, {"fields": ["name", "slug", "team", "time_zone", "answers_for_team", "is_active"]})

    def get_fieldsets(self, request: HttpRequest, obj: Schedule | None = None) -> Any:
        """Show who is on call once there is a schedule."""
        return [self.about, ("On call", {"fields": ["on_call"]})] if obj else [self.about]

    def get_inlines(self, request: HttpRequest, obj: Schedule | None) -> list[Any]:
        """A new schedule begins with its layers; there is nothing yet to override."""
        return [LayersInline, OverrideInline] if obj else [LayersInline]

    def get_urls(self) -> list[Any]:
        """Add the preview."""
        view = self.admin_site.admin_view(require_POST(self.preview))
        return [
            path("preview/", view, name="oncall_schedule_preview_new"),
            path("<int:number>/preview/", view, name="oncall_schedule_preview"),
            *super().get_urls(),
        ]

    def preview(self, request: HttpRequest, number: int | None = None) -> HttpResponse:
        """Show what the form would change; nothing is saved."""
        row = get_object_or_404(Schedule, pk=number) if number else None
        if not (self.has_change_permission(request, row) if row else self.has_add_permission(request)):
            raise PermissionDenied
        form = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        form.is_valid()
        formsets, _ = self._create_formsets(request, form.instance, change=row is not None)  # type: ignore[attr-defined]
        layers = formsets[0]
        refused = [f"Time zone: {text}" for text in form.errors.get("time_zone", [])]
        if refused or not layers.is_valid():
            return preview.show(request, {"errors": refused + list(layers.texts())})
        return preview.answer(request, form.instance, layers.turns(), at=layers.at)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Tell the form where its preview is."""
        row = kwargs.get("obj")
        name = "admin:oncall_schedule_preview" if row else "admin:oncall_schedule_preview_new"
        context["preview_url"] = reverse(name, args=[row.pk] if row else [])
        return super().render_change_form(request, context, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        """Count what the list shows."""
        present = counting(timezone.now(), "layers__")
        layers, people = (Count(path, distinct=True, filter=present) for path in ("layers", "layers__people__user"))
        return super().get_queryset(request).annotate(layers_total=layers, people_total=people)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Offer schedules in use alone where one is being chosen."""
        if request.path.endswith("/autocomplete/"):
            queryset = queryset.filter(is_active=True)
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="Rotation")
    def rotation(self, schedule: Any) -> SafeString | str:
        """How many people share it; nobody is a warning."""
        if not schedule.people_total:
            return warning("Nobody: pages nobody")
        people, layers = schedule.people_total, schedule.layers_total
        return f"{people} {'person' if people == 1 else 'people'} in {layers} {'layer' if layers == 1 else 'layers'}"

    @admin.display(description="Now and next")
    def on_call(self, schedule: Any) -> SafeString:
        """Who is on call now, the next handoffs, and what is wrong."""
        saved = Schedule.objects.get(pk=schedule.pk)  # the form may hold a zone that was refused
        agenda = Agenda(saved, timezone.now(), ZoneInfo(saved.time_zone))
        reachable = usable_methods(list(agenda.people))
        silent = [person for pk, person in agenda.people.items() if person.is_active and not reachable.get(pk)]
        concerns = [] if schedule.people_total else [NO_ROTATION]
        concerns += [f"{person} has no verified contact method and cannot be paged." for person in silent]
        shifts = [
            {"shift": shift, "start": shift.start.astimezone(agenda.zone), "end": _local(shift.end, agenda.zone)}
            for shift in agenda.shifts[:SHIFTS]
        ]
        context = {"schedule": saved, "shifts": shifts if schedule.people_total else [], "concerns": concerns}
        return SafeString(render_to_string("admin/oncall/rotation.html", context))

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Wait for the layers: the deed takes all at once."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Hand over to the deeds: the schedule with its layers, then the overrides."""
        layers, schedule = formsets[0], form.instance
        at, wanted = layers.at, layers.turns()
        layers.save(commit=False)  # notes what changed, for the log
        if change:
            fields = {name: form.cleaned_data[name] for name in form.changed_data}
            seen = [layer.pk for layer in layers.standing]
            scheduling.edit(schedule, at=at, layers=wanted if layers.has_changed() else None, seen=seen, **fields)
        else:
            scheduling.create(schedule, [replace(turns, effective_from=turns.effective_from or at) for turns in wanted])
        for overrides in formsets[1:]:
            save_overrides(request, overrides)
        self._tell(request, schedule, layers)

    def _tell(self, request: HttpRequest, schedule: Schedule, layers: LayersFormSet) -> None:
        """Say what looks wrong in what has just been saved; nothing of it refuses."""
        for text in preview.concerns_of(schedule, layers.turns(), at=layers.at):
            self.message_user(request, text, messages.WARNING)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Say what was refused since it was checked."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.get_full_path())

    def response_add(self, request: HttpRequest, obj: Schedule, post_url_continue: str | None = None) -> Any:
        """Stay at a schedule without a layer: it pages nobody."""
        if "_addanother" in request.POST or "_popup" in request.POST or obj.layers.exists():
            return super().response_add(request, obj, post_url_continue)
        self.message_user(
            request, f"“{obj}” was added. It pages nobody yet: give it its first layer.", messages.WARNING
        )
        return redirect("admin:oncall_schedule_change", obj.pk)


def _local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment.astimezone(zone) if moment else None
