"""What changes a schedule by hand: overrides, swaps, temporary schedules; and leave. It goes through the deeds."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from incidents.admin.configuration import ConfigurationAdmin, RowInline, signed_in
from incidents.admin.history import Branch
from incidents.admin.readonly import ReadOnlyAdmin
from incidents.models import User
from incidents.refusals import Invalid, Refusal
from oncall import absences, outlook, overriding, rights, temporaries
from oncall.models import Leave, Override, Swap, TemporarySchedule, TemporaryShift
from oncall.overriding import Wish
from oncall.temporaries import Fixed


class OverrideForm(forms.ModelForm):
    """A new override, held against the rules of the deed; one that stands is only ended."""

    administrator: User  # set by the inline

    def clean(self) -> dict[str, Any]:
        """Refuse what the deed would refuse."""
        said = super().clean() or self.cleaned_data
        if not self.errors and self.has_changed() and self.instance._state.adding:
            try:
                overriding.check(self.instance.schedule, wish_of(said), by=self.administrator, at=timezone.now())
            except Refusal as refusal:
                self.add_error(_field(refusal, self.fields), str(refusal))
        return said


class OverrideInline(RowInline):
    """Changes by hand, those that have not ended. Times are UTC."""

    model = Override
    form = OverrideForm
    fields = ["kind", "person", "replaces", "start", "end", "reason"]
    autocomplete_fields = ["person", "replaces"]
    ordering = ["start", "pk"]
    verbose_name_plural = "overrides (times in UTC; removing one that runs ends it now, and the past stays)"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: an override is ended and made anew."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        """Leave the past alone."""
        return super().get_queryset(request).filter(end__gt=timezone.now()).select_related("person", "replaces")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Tell the forms who asks."""
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.form.administrator = signed_in(request)
        return formset


def save_overrides(request: HttpRequest, formset: Any) -> None:
    """Do what the rows of an ``OverrideInline`` say, and tell what was refused since they were checked."""
    by, at = signed_in(request), timezone.now()
    formset.save(commit=False)  # notes what changed, for the log
    for row in formset.deleted_objects:
        overriding.lift(row, by=by, at=at)
    for form in formset.extra_forms:
        if form.has_changed() and not form.cleaned_data.get("DELETE"):
            overriding.override(form.instance.schedule, wish_of(form.cleaned_data), by=by, at=at)


def wish_of(said: dict[str, Any]) -> Wish:
    """The override that a form describes."""
    return Wish(said["kind"], said["person"], said["start"], said["end"], said.get("replaces"), said.get("reason", ""))


@admin.register(Override)
class OverrideAdmin(ReadOnlyAdmin):
    """All overrides, past ones included; they are made and ended on the page of their schedule."""

    list_display = ["schedule", "kind", "person", "replaces", "start", "end", "by", "reason", "swap"]
    list_filter = ["kind", "schedule"]
    list_select_related = ["schedule", "person", "replaces", "by", "swap"]
    search_fields = ["schedule__name", "person__name", "replaces__name", "reason"]
    ordering = ["-start", "pk"]
    date_hierarchy = "start"


@admin.register(Swap)
class SwapAdmin(ReadOnlyAdmin):
    """Who asked whom to take which shift; people ask and take on their own pages."""

    list_display = ["schedule", "asked_by", "start", "end", "asked", "state", "taken_by", "settled_at"]
    list_filter = ["state", "schedule"]
    list_select_related = ["schedule", "asked_by", "asked", "taken_by"]
    search_fields = ["schedule__name", "asked_by__name", "taken_by__name", "note"]
    ordering = ["-start", "pk"]
    date_hierarchy = "start"


class TemporaryShiftFormSet(forms.BaseInlineFormSet):
    """The shifts of a temporary schedule, held against the rules of the deed."""

    administrator: User  # set by the inline

    def clean(self) -> None:
        """Refuse what the deed would refuse."""
        super().clean()
        row = self.instance
        if any(self.errors) or not (row.start and row.end):
            return
        try:
            start = rights.begin(row.start, row.end, by=self.administrator, at=timezone.now())
            temporaries.checked(self.fixed(), start, row.end)
        except Refusal as refusal:
            raise ValidationError(str(refusal)) from refusal

    def fixed(self) -> list[Fixed]:
        """The shifts as the rows say them."""
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        return [Fixed(row["person"], row["start"], row["end"]) for row in rows if not row.get("DELETE")]


class TemporaryShiftInline(RowInline):
    """Who is on call when. Times are UTC."""

    model = TemporaryShift
    formset = TemporaryShiftFormSet
    autocomplete_fields = ["person"]
    ordering = ["start", "pk"]
    verbose_name, verbose_name_plural = "shift", "shifts (times in UTC; a time without one is a gap)"

    def get_extra(self, request: HttpRequest, obj: TemporarySchedule | None = None, **kwargs: Any) -> int:
        """Begin a new one with two rows."""
        return 0 if obj else 2

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Tell the rows who asks."""
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.administrator = signed_in(request)
        return formset


@admin.register(TemporarySchedule)
class TemporaryScheduleAdmin(ConfigurationAdmin):
    """Shifts written down for a while. A change counts from now on; what has passed becomes a row of its own."""

    list_display = ["schedule", "start", "end", "reason", "by"]
    list_filter = ["schedule"]
    list_select_related = ["schedule", "by"]
    search_fields = ["schedule__name", "reason", "shifts__person__name"]
    ordering = ["-start", "pk"]
    date_hierarchy = "start"
    autocomplete_fields = ["schedule"]
    fields = ["schedule", ("start", "end"), "reason"]
    inlines = [TemporaryShiftInline]
    branches = (Branch(TemporaryShift, "temporary"),)
    actions = ["end_now"]
    buttons = ("end_now",)

    def get_readonly_fields(self, request: HttpRequest, obj: TemporarySchedule | None = None) -> list[str]:
        """It stays in its schedule."""
        return ["schedule"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: TemporarySchedule | None = None) -> bool:
        """Allow until it is over."""
        return obj is None or obj.end > timezone.now()

    def save_model(self, request: HttpRequest, obj: TemporarySchedule, form: Any, change: bool) -> None:
        """Wait for the shifts: the deed takes all at once."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Hand over to the deed."""
        [formset], row = formsets, form.instance
        formset.save(commit=False)  # notes what changed, for the log
        said = {"start": row.start, "end": row.end, "shifts": formset.fixed(), "reason": row.reason}
        said |= {"by": signed_in(request), "at": timezone.now()}
        if change:
            row.pk = temporaries.refix(row, **said).pk
        else:
            row.pk = temporaries.fix(row.schedule, **said).pk
        for text in outlook.of_schedule(row.schedule, at=said["at"]):
            self.message_user(request, text, messages.WARNING)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Say what was refused since it was checked."""
        return _or_refusal(
            request, lambda: super(TemporaryScheduleAdmin, self).changeform_view(request, *args, **kwargs)
        )

    @admin.action(description="End now")
    def end_now(self, request: HttpRequest, queryset: QuerySet[TemporarySchedule]) -> HttpResponse | None:
        """End those chosen; take away those that have not begun."""
        text = "From now on the layers and overrides count again. What has not begun yet is taken away."
        if question := self.confirm(request, queryset, text=text, yes="End now"):
            return question
        by, at = signed_in(request), timezone.now()
        self.carry_out(request, queryset, lambda row: temporaries.unfix(row, by=by, at=at), done="{} is ended.")
        return None


@admin.register(Leave)
class LeaveAdmin(ConfigurationAdmin):
    """When people are away. It takes nobody off a rota; their shifts in it need cover."""

    list_display = ["person", "start", "end", "by"]
    list_select_related = ["person", "by"]
    search_fields = ["person__name", "person__email"]
    ordering = ["-start", "pk"]
    date_hierarchy = "start"
    autocomplete_fields = ["person"]
    fields = ["person", ("start", "end"), "reason"]
    actions = ["end_now"]
    buttons = ("end_now",)

    def has_change_permission(self, request: HttpRequest, obj: Leave | None = None) -> bool:
        """Refuse: leave is ended and told anew."""
        return obj is None

    def save_model(self, request: HttpRequest, obj: Leave, form: Any, change: bool) -> None:
        """Hand over to the deed."""
        at = timezone.now()
        leave = absences.take_leave(
            obj.person, start=obj.start, end=obj.end, by=signed_in(request), at=at, reason=obj.reason
        )
        obj.pk = leave.pk

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Say what the deed refused."""
        return _or_refusal(request, lambda: super(LeaveAdmin, self).changeform_view(request, *args, **kwargs))

    @admin.action(description="End now")
    def end_now(self, request: HttpRequest, queryset: QuerySet[Leave]) -> HttpResponse | None:
        """End those chosen; take away those that have not begun."""
        text = "The people are back from now on. Leave that has not begun yet is taken away."
        if question := self.confirm(request, queryset, text=text, yes="End now"):
            return question
        by, at = signed_in(request), timezone.now()
        self.carry_out(request, queryset, lambda leave: absences.cancel_leave(leave, by=by, at=at), done="{} is ended.")
        return None


def _or_refusal(request: HttpRequest, view: Any) -> Any:
    """Answer with the form's page and the deed's words where the deed refuses; nothing has been saved then."""
    try:
        return view()
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect(request.get_full_path())


def _field(refusal: Refusal, fields: Any) -> str | None:
    return refusal.field if isinstance(refusal, Invalid) and refusal.field in fields else None
