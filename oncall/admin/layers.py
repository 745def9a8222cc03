"""One layer of a schedule: its turns, its people, its weekly windows."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms.formsets import all_valid
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from incidents.admin.configuration import ConfigurationAdmin, RowInline
from incidents.admin.history import Branch
from incidents.models.people import validate_time_zone
from incidents.refusals import Invalid
from oncall import anchors, scheduling
from oncall.admin import preview
from oncall.models import Layer, LayerPerson, Restriction, Schedule

DAWN = datetime.min.replace(tzinfo=UTC)


class LayerForm(forms.ModelForm):
    """A layer whose first handoff can be found on its wall clock, with a name of its own."""

    comes_twice = False

    def clean_time_zone(self) -> str:
        """Refuse an unknown zone before the anchor is read in it."""
        zone = str(self.cleaned_data["time_zone"])
        validate_time_zone(zone)
        return zone

    def clean(self) -> dict[str, Any]:
        """Read the anchor in the layer's zone; one that comes twice is told after saving."""
        said = super().clean() or self.cleaned_data
        if said.get("anchor") and said.get("time_zone"):
            try:
                anchor = anchors.read(said["anchor"], said["time_zone"])
            except Invalid as refusal:
                self.add_error("anchor", str(refusal))
            else:
                said["anchor"], self.comes_twice = anchor.text, anchor.comes_twice
        if self.instance.pk is None and said.get("schedule") and said.get("name"):
            self._refuse_a_taken_name(said)
        return said

    def _refuse_a_taken_name(self, said: dict[str, Any]) -> None:
        present = scheduling.layers_from(said["schedule"], timezone.now())
        if any(layer.name == said["name"] for layer in present):
            self.add_error("name", f"This schedule has a layer called “{said['name']}” already. Choose another name.")


class LayerPersonForm(forms.ModelForm):
    """A place in the turns."""

    def clean_slot(self) -> int:
        """Count from 1."""
        slot = int(self.cleaned_data["slot"])
        if slot < 1:
            raise ValidationError("Slots count from 1.")
        return slot

    def clean_user(self) -> Any:
        """Refuse people who left; one who left later stays visible in the row."""
        user = self.cleaned_data["user"]
        if user and not user.is_active and "user" in self.changed_data:
            raise ValidationError(f"{user} is inactive and cannot be on call. Choose somebody else.")
        return user


class LayerPersonFormSet(forms.BaseInlineFormSet):
    """The people of a layer: at least one."""

    def clean(self) -> None:
        """Refuse a layer without people."""
        super().clean()
        if any(self.errors):
            return
        if not [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]:
            raise ValidationError("A layer without people pages nobody. Add at least one person.")


class LayerPersonInline(RowInline):
    """Who takes turns."""

    model = LayerPerson
    form = LayerPersonForm
    formset = LayerPersonFormSet
    autocomplete_fields = ["user"]
    ordering = ["slot", "pk"]
    verbose_name, verbose_name_plural = "person", "people, in the order of their turns"

    def get_extra(self, request: HttpRequest, obj: Layer | None = None, **kwargs: Any) -> int:
        """Begin a new layer with two rows."""
        return 0 if obj else 2


class RestrictionInline(RowInline):
    """Weekly windows outside of which the layer is not in force."""

    model = Restriction
    ordering = ["weekday", "start", "pk"]
    verbose_name, verbose_name_plural = "window", "weekly windows (none = always in force)"


@admin.register(Layer)
class LayerAdmin(ConfigurationAdmin):
    """One rotation with its people and windows, opened from its schedule. It is ended by date, never deleted."""

    form = LayerForm
    list_display = ["name", "schedule", "priority", "unit", "length", "anchor", "time_zone"]
    list_filter = ["schedule", "unit"]
    list_select_related = ["schedule"]
    search_fields = ["name", "schedule__name", "people__user__name"]
    ordering = ["schedule__name", "-priority", "pk"]
    autocomplete_fields = ["schedule"]
    inlines = [LayerPersonInline, RestrictionInline]
    branches = (Branch(LayerPerson, "layer"), Branch(Restriction, "layer"))
    fieldsets = [
        (None, {"fields": ["schedule", "name", "priority"]}),
        (
            "Turns",
            {
                "fields": ["time_zone", "anchor", ("unit", "length")],
                "description": "A change counts from now, or from “effective from” where that lies ahead. What was "
                "stays as it was, and whoever has the turn keeps it to its end, unless the anchor is changed.",
            },
        ),
        ("In force", {"fields": [("effective_from", "effective_until")]}),
    ]

    def get_urls(self) -> list[Any]:
        """Add the preview."""
        view = self.admin_site.admin_view(require_POST(self.preview))
        return [
            path("preview/", view, name="oncall_layer_preview_new"),
            path("<int:number>/preview/", view, name="oncall_layer_preview"),
            *super().get_urls(),
        ]

    def preview(self, request: HttpRequest, number: int | None = None) -> HttpResponse:
        """Show what the form would change; nothing is saved."""
        row = get_object_or_404(Layer.objects.select_related("schedule"), pk=number) if number else None
        if not (self.has_change_permission(request, row) if row else self.has_add_permission(request)):
            raise PermissionDenied
        form = self.get_form(request, row, change=row is not None)(request.POST, instance=row)
        is_valid = form.is_valid()
        formsets, _ = self._create_formsets(request, form.instance, change=row is not None)  # type: ignore[attr-defined]
        if not (all_valid(formsets) and is_valid):
            return preview.show(request, {"errors": list(_errors(form, formsets))})
        layer, at = form.instance, timezone.now()
        people, windows = formsets
        wanted = [*_others(layer, at), _turns(layer, _kept(people), _kept(windows))]
        return preview.answer(request, layer.schedule, wanted, at=at)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Tell the form where its preview is; a layer that is over has none."""
        row = kwargs.get("obj")
        if row is None:
            context["preview_url"] = reverse("admin:oncall_layer_preview_new")
        elif self.has_change_permission(request, row):
            context["preview_url"] = reverse("admin:oncall_layer_preview", args=[row.pk])
        return super().render_change_form(request, context, *args, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Layer | None = None) -> list[str]:
        """A layer stays in its schedule, and its versions share its name."""
        return ["schedule", "name"] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the schedule's zone."""
        said: dict[str, Any] = super().get_changeform_initial_data(request)
        if str(said.get("schedule", "")).isdecimal():
            zone = Schedule.objects.filter(pk=said["schedule"]).values_list("time_zone", flat=True).first()
            said.setdefault("time_zone", zone or "UTC")
        return said

    def has_change_permission(self, request: HttpRequest, obj: Layer | None = None) -> bool:
        """Allow, except for versions that are over or followed by another one."""
        if obj is None:
            return True
        if obj.effective_until and obj.effective_until <= timezone.now():
            return False
        later = Layer.objects.filter(
            schedule=obj.schedule_id, name=obj.name, effective_from__gt=obj.effective_from or DAWN
        )
        return not later.exclude(pk=obj.pk).exists()

    def save_model(self, request: HttpRequest, obj: Layer, form: Any, change: bool) -> None:
        """Wait for the people and windows: the deed takes all at once."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Hand the whole layer over to the deed, which ends the present version and begins another."""
        for formset in formsets:
            formset.save(commit=False)  # notes what changed, for the log
        people, windows = formsets
        layer, at = form.instance, timezone.now()
        others = _others(layer, at)
        scheduling.edit(layer.schedule, at=at, layers=[*others, _turns(layer, _kept(people), _kept(windows))])
        versions = [row for row in scheduling.layers_from(layer.schedule, at) if row.name == layer.name]
        layer.pk = versions[-1].pk if versions else layer.pk
        if form.comes_twice:
            text = f"{layer.anchor.replace('T', ' ')} comes twice in {layer.time_zone}, because the clocks go back."
            self.message_user(request, f"{text} The first of the two counts.", messages.WARNING)

    def response_post_save_add(self, request: HttpRequest, obj: Layer) -> HttpResponseRedirect:
        """Return to the schedule."""
        return redirect("admin:oncall_schedule_change", obj.schedule_id)

    def response_post_save_change(self, request: HttpRequest, obj: Layer) -> HttpResponseRedirect:
        """Return to the schedule."""
        return redirect("admin:oncall_schedule_change", obj.schedule_id)


def _errors(form: Any, formsets: Any) -> Iterator[str]:
    """Every refusal of a form and its rows, with the field that it belongs to."""
    for field, texts in form.errors.items():
        yield from texts if field == "__all__" else (f"{form.fields[field].label}: {text}" for text in texts)
    for formset in formsets:
        yield from formset.non_form_errors()
        yield from (text for row in formset.errors for texts in row.values() for text in texts)


def _kept(formset: Any) -> list[dict[str, Any]]:
    """What the rows of a formset say, without those that are to go."""
    rows = [form.cleaned_data for form in formset.forms if form.cleaned_data]
    return [row for row in rows if not row.get("DELETE")]


def _turns(layer: Layer, people: list[dict[str, Any]], windows: list[dict[str, Any]]) -> scheduling.Turns:
    """The layer as the form says it."""
    slots: dict[int, list[int]] = defaultdict(list)
    for row in people:
        slots[row["slot"]].append(row["user"].pk)
    return scheduling.Turns(
        name=layer.name,
        priority=layer.priority,
        time_zone=layer.time_zone,
        anchor=layer.anchor,
        unit=layer.unit,
        length=layer.length,
        slots=tuple(tuple(together) for _, together in sorted(slots.items())),
        restrictions=tuple((row["weekday"], row["start"], row["end"]) for row in windows),
        effective_from=layer.effective_from,
        effective_until=layer.effective_until,
    )


def _others(layer: Layer, at: datetime) -> list[scheduling.Turns]:
    """The other layers of the schedule as they are: the last version of each."""
    rows = sorted(scheduling.layers_from(layer.schedule, at), key=lambda row: row.effective_from or DAWN)
    last = {row.name: row for row in rows if row.name != layer.name}
    return [
        _turns(
            row,
            [{"slot": place.slot, "user": place.user} for place in sorted(row.people.all(), key=lambda row: row.pk)],
            [{"weekday": one.weekday, "start": one.start, "end": one.end} for one in row.restrictions.all()],
        )
        for row in last.values()
    ]
