"""Schedules with their layers and overrides. Layers are changed through the deed that keeps their past true."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from incidents.admin.configuration import ConfigurationAdmin, warning
from incidents.admin.history import Branch
from incidents.admin.readonly import ReadOnlyInline
from incidents.refusals import Refusal
from oncall import scheduling
from oncall.admin.cover import OverrideInline, save_overrides
from oncall.agenda import Agenda
from oncall.models import Layer, LayerPerson, Override, Restriction, Schedule
from oncall.reach import usable_methods

NO_ROTATION = "Nobody is in a rotation of this schedule: it pages nobody."
SHIFTS = 6  # shown on a schedule's page


def counting(at: datetime, path: str = "") -> Q:
    """The layers that count at the instant or later; ``path`` leads to them."""
    return Q(**{f"{path}effective_until": None}) | Q(**{f"{path}effective_until__gt": at})


class LayerInline(ReadOnlyInline):
    """The rotations of a schedule that count now or later, each leading to its page."""

    model = Layer
    columns = ("link", "turns", "priority", "time_zone", "anchor", "unit", "length", "in_force")
    ordering = ["-priority", "effective_from", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Layer]:
        """Load the people that the turns name."""
        return super().get_queryset(request).filter(counting(timezone.now())).prefetch_related("people__user")

    @admin.display(description="Name")
    def link(self, layer: Layer) -> SafeString:
        """The name, leading to people and windows."""
        return format_html('<a href="{}">{}</a>', reverse("admin:oncall_layer_change", args=[layer.pk]), layer.name)

    @admin.display(description="Turns")
    def turns(self, layer: Layer) -> str:
        """Who takes turns: “Amira Haddad → Jonas Berg + Lee Park”."""
        slots: dict[int, list[str]] = defaultdict(list)
        for row in sorted(layer.people.all(), key=lambda row: (row.slot, row.pk)):
            slots[row.slot].append(str(row.user))
        return " → ".join(" + ".join(names) for _, names in sorted(slots.items())) or "nobody"

    @admin.display(description="In force (UTC)")
    def in_force(self, layer: Layer) -> str:
        """From when until when."""
        ends = ((word, at) for word, at in (("from", layer.effective_from), ("until", layer.effective_until)) if at)
        return " ".join(f"{word} {at:%Y-%m-%d %H:%M}" for word, at in ends) or "always"


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
    readonly_fields = ["on_call", "more_layers"]
    branches = (
        Branch(Layer, "schedule", (Branch(LayerPerson, "layer"), Branch(Restriction, "layer"))),
        Branch(Override, "schedule"),
    )
    about = (None, {"fields": ["name", "slug", "team", "time_zone", "answers_for_team", "is_active"]})

    def get_fieldsets(self, request: HttpRequest, obj: Schedule | None = None) -> Any:
        """Show who is on call once there is a schedule."""
        return [self.about, ("On call", {"fields": ["on_call", "more_layers"]})] if obj else [self.about]

    def get_inlines(self, request: HttpRequest, obj: Schedule | None) -> list[Any]:
        """A new schedule is saved first; its first layer follows on a page of its own."""
        return [LayerInline, OverrideInline] if obj else []

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

    @admin.display(description="Layers")
    def more_layers(self, schedule: Schedule) -> SafeString:
        """The way to another layer."""
        url = reverse("admin:oncall_layer_add")
        return format_html('<a class="addlink" href="{}?schedule={}">Add a layer</a>', url, schedule.pk)

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Hand over to the deeds."""
        if change:
            fields = {name: form.cleaned_data[name] for name in form.changed_data}
            scheduling.edit(obj, at=timezone.now(), **fields)
        else:
            scheduling.create(obj, [])

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Hand the overrides over to the deeds."""
        save_overrides(request, formset)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Say what was refused since it was checked."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.get_full_path())

    def response_add(self, request: HttpRequest, obj: Schedule, post_url_continue: str | None = None) -> Any:
        """Go on to the first layer: a schedule without one pages nobody."""
        if "_addanother" in request.POST or "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(
            request, f"“{obj}” was added. It pages nobody yet: give it its first layer.", messages.WARNING
        )
        return redirect(f"{reverse('admin:oncall_layer_add')}?schedule={obj.pk}")


def _local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment.astimezone(zone) if moment else None
