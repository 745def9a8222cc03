"""The layers of a schedule as forms inside the schedule's own: each with its people and its weekly windows.

They are read as a whole and become the ``Turns`` that ``oncall.scheduling`` takes; nothing here is saved by itself.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils import timezone

from incidents.admin.configuration import ZONES
from incidents.models import User
from incidents.models.people import validate_time_zone
from incidents.refusals import Invalid
from oncall import anchors, scheduling
from oncall.models import Layer, Restriction, Schedule
from oncall.planning import Turns

MOMENT = "%Y-%m-%dT%H:%M:%S"
CHANGED_MEANWHILE = (
    "Somebody else has changed the layers since this page was opened. Open the schedule in another window, and carry "
    "over what you have typed here."
)
TYPED_ZONE = {name: value for name, value in ZONES.items() if name != "autocomplete"}  # kept when one goes back
FIRST = "Primary"  # what a first layer is called unless somebody calls it otherwise


class Directory:
    """Everybody by what one types to name them, read once for a whole page."""

    @cached_property
    def people(self) -> list[User]:
        """Everybody, by name."""
        return list(User.objects.order_by("name", "pk"))

    @cached_property
    def _known(self) -> dict[str, User]:
        known = {person.email.lower(): person for person in self.people}
        return known | {label(person).lower(): person for person in self.people}

    def find(self, text: str) -> User | None:
        """The person of a label or an address; of a name, where one active person alone has it."""
        wanted = text.strip().lower()
        if found := self._known.get(wanted):
            return found
        named = [person for person in self.people if person.is_active and person.name.lower() == wanted]
        return named[0] if len(named) == 1 else None

    def labels(self) -> list[str]:
        """What a field offers while one types: everybody who can be on call."""
        return [label(person) for person in self.people if person.is_active]


def label(person: User) -> str:
    """“Ada Byron (ada@example.com)”."""
    return f"{person} ({person.email})"


class PersonRow(forms.Form):
    """A place in the turns. Whoever left since stays visible, and is put nowhere anew."""

    turn = forms.IntegerField(
        min_value=1, max_value=1000, required=False, widget=forms.NumberInput(attrs={"class": "vIntegerField"})
    )
    person = forms.CharField(widget=forms.TextInput(attrs={"list": "people", "placeholder": "name or address"}))

    def __init__(self, *args: Any, directory: Directory, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.directory = directory

    def clean_person(self) -> User:
        """Find the person."""
        text = str(self.cleaned_data["person"])
        person = self.directory.find(text)
        if person is None:
            raise ValidationError(f"“{text}” names nobody, or several. Choose from the list, or write an address.")
        if not person.is_active and "person" in self.changed_data:
            raise ValidationError(f"{person} is inactive and cannot be on call. Choose somebody else.")
        return person

    def has_changed(self) -> bool:
        """Only a person makes a row: the number alone is a place that nobody has taken."""
        return "person" in self.changed_data or bool(self.initial.get("person") and self.changed_data)


class WindowRow(forms.Form):
    """A weekly window."""

    weekday = forms.TypedChoiceField(choices=list(Restriction._meta.get_field("weekday").choices or ()), coerce=int)
    start = forms.TimeField(widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}), label="From")
    end = forms.TimeField(widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}), label="To")

    def has_changed(self) -> bool:
        """A weekday alone, which a list always has, makes no row."""
        return bool({"start", "end"} & set(self.changed_data)) or bool(self.initial and self.changed_data)


class Rows(forms.BaseFormSet):
    """Rows inside the form of a layer."""

    def kept(self) -> list[dict[str, Any]]:
        """What the rows say, without those that are to go."""
        said = [form.cleaned_data for form in self.forms if form.has_changed() or form.initial]
        return [row for row in said if row and not row.get("DELETE")]

    def texts(self) -> Iterator[str]:
        """Every refusal."""
        yield from map(str, self.non_form_errors())
        yield from (str(text) for form in self.forms for texts in form.errors.values() for text in texts)


PEOPLE: Any = forms.formset_factory(PersonRow, formset=Rows, extra=1, can_delete=True, max_num=500, absolute_max=600)
FIRST_PEOPLE: Any = forms.formset_factory(
    PersonRow, formset=Rows, extra=3, can_delete=True, max_num=500, absolute_max=600
)
WINDOWS: Any = forms.formset_factory(WindowRow, formset=Rows, extra=1, can_delete=True, max_num=200, absolute_max=300)


class Moment(forms.DateTimeField):
    """A UTC instant in the browser's own field."""

    widget = forms.DateTimeInput(format=MOMENT, attrs={"type": "datetime-local", "step": 1})


class LayerForm(forms.ModelForm):
    """One layer with its rows: ``people`` and ``windows``."""

    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs=TYPED_ZONE),
        help_text="Empty = the schedule's.",
    )
    anchor = forms.CharField(
        label="First handoff",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="On the layer's own clock. The turns are counted from it, before as well as after.",
    )
    effective_from = Moment(required=False, label="In force from", help_text="UTC; empty = at once.")
    effective_until = Moment(required=False, label="Until", help_text="UTC; empty = for ever.")
    comes_twice = False

    class Meta:
        model = Layer
        fields = ["name", "priority", "time_zone", "anchor", "unit", "length", "effective_from", "effective_until"]

    def __init__(self, *args: Any, directory: Directory, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["name"].disabled = True
            self.fields["name"].help_text = "By its name the past of a layer belongs to it."
        rows = {"data": self.data if self.is_bound else None}
        people = PEOPLE if self.instance.pk else FIRST_PEOPLE
        turns, windows = _people_of(self.instance), _windows_of(self.instance)
        self.people: Rows = people(
            **rows, prefix=f"{self.prefix}-people", initial=turns, form_kwargs={"directory": directory}
        )
        self.windows: Rows = WINDOWS(**rows, prefix=f"{self.prefix}-windows", initial=windows)

    def has_changed(self) -> bool:
        """The rows count as well; a new layer has to be named or given rows, its other fields begin with a guess."""
        changed = set(self.changed_data)
        return bool(changed if self.instance.pk else changed & {"name", "people", "windows"})

    @property
    def changed_data(self) -> list[str]:
        """The fields that were changed, and which kinds of rows."""
        rows = {"people": self.people, "windows": self.windows}
        return [*super().changed_data, *(name for name, those in rows.items() if those.has_changed())]

    def clean_time_zone(self) -> str:
        """Refuse an unknown zone before the anchor is read in it."""
        zone = str(self.cleaned_data["time_zone"]).strip()
        if zone:
            validate_time_zone(zone)
        return zone

    def clean(self) -> dict[str, Any]:
        """Read the anchor in the layer's zone, and the rows; an anchor that comes twice is told after saving."""
        said = super().clean() or self.cleaned_data
        said["time_zone"] = said.get("time_zone") or self._zone_of_schedule()
        for field in ("effective_from", "effective_until"):
            if field not in self.changed_data and self.instance.pk:
                said[field] = self.initial.get(field)  # to the microsecond, which the field does not show
        if said.get("anchor") and "time_zone" not in self.errors:
            try:
                anchor = anchors.read(said["anchor"], said["time_zone"])
            except Invalid as refusal:
                self.add_error("anchor", str(refusal))
            else:
                said["anchor"], self.comes_twice = anchor.text, anchor.comes_twice
        self._check_rows()
        return said

    def _check_rows(self) -> None:
        is_valid = [self.people.is_valid(), self.windows.is_valid()]
        if not all(is_valid):
            self.add_error(None, "Look at the people and the windows of this layer.")
        elif not self.people.kept():
            self.add_error(None, "A layer without people pages nobody. Add at least one person.")
        else:
            for slot in slots_of(self.people.kept()):
                twice = next((one for place, one in enumerate(slot) if one in slot[:place]), None)
                if twice:
                    self.add_error(None, f"{twice} stands twice in one turn.")

    def _zone_of_schedule(self) -> str:
        zone = self.instance.schedule.time_zone
        try:
            validate_time_zone(zone)
        except ValidationError:
            return "UTC"  # the schedule's own field tells what is wrong with it
        return zone

    def turns(self) -> Turns:
        """The layer as the form says it; it is valid."""
        said = self.cleaned_data
        return Turns(
            name=self.instance.name,
            priority=said["priority"],
            time_zone=said["time_zone"],
            anchor=said["anchor"],
            unit=said["unit"],
            length=said["length"],
            slots=tuple(tuple(person.pk for person in slot) for slot in slots_of(self.people.kept())),
            restrictions=tuple((row["weekday"], row["start"], row["end"]) for row in self.windows.kept()),
            effective_from=said["effective_from"],
            effective_until=said["effective_until"],
        )


class LayersFormSet(forms.BaseInlineFormSet):
    """All layers of a schedule that can be changed: of each the version that is meant to last."""

    model = Layer
    instance: Schedule
    forms: Any
    initial_forms: Any
    deleted_forms: Any

    def __init__(self, data: Any = None, files: Any = None, *, instance: Schedule, **kwargs: Any) -> None:
        self.directory = Directory()
        self.at = timezone.now()
        kwargs["queryset"] = Layer.objects.none()  # see get_queryset
        self.standing = scheduling.editable(instance, self.at) if instance.pk else []
        super().__init__(data, files, instance=instance, form_kwargs={"directory": self.directory}, **kwargs)

    def get_queryset(self) -> Any:
        """The layers that stand, the most important first."""
        return self.standing

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        if i >= self.initial_form_count():
            kwargs["initial"] = self._beginning(is_first=i == 0)
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        form.instance.schedule = self.instance
        return form

    @property
    def empty_form(self) -> Any:
        """What the script adds."""
        form = self.form(
            auto_id=self.auto_id,
            prefix=self.add_prefix("__prefix__"),
            empty_permitted=True,
            use_required_attribute=False,
            initial=self._beginning(is_first=False),
            instance=Layer(schedule=self.instance),
            **self.get_form_kwargs(None),
        )
        self.add_fields(form, None)
        return form

    def _beginning(self, *, is_first: bool) -> dict[str, Any]:
        """What a new layer says at first: weekly turns from Monday nine o'clock, above those that stand."""
        monday = self.at.date() - timedelta(days=self.at.weekday())
        top = max((layer.priority for layer in self.standing), default=-1) + 1
        return {"name": FIRST if is_first else "", "priority": top, "anchor": f"{monday}T09:00", "time_zone": ""}

    @cached_property
    def foreign(self) -> list[Layer]:
        """The layers that are read from foreign calendars; nobody edits them here."""
        if not self.instance.pk:
            return []
        rows = self.instance.layers.filter(calendar__ended_at=None).exclude(calendar=None)
        return list(rows.order_by("-priority", "pk"))

    def clean(self) -> None:
        """Refuse what was meant for other layers than those that stand, and two of one name."""
        shown = {str(form["id"].value() or "") for form in self.initial_forms}
        if shown != {str(layer.pk) for layer in self.standing}:
            raise ValidationError(CHANGED_MEANWHILE)
        if any(self.errors):
            return
        names = [form.instance.name for form in self.said()]
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice:
            raise ValidationError(f"Two layers are called “{twice}”. Choose another name for one of them.")

    def said(self) -> list[LayerForm]:
        """The forms of the layers that are to be, the most important first."""
        kept = [form for form in self.forms if form.instance.pk or form.has_changed()]
        kept = [form for form in kept if form not in self.deleted_forms]
        return sorted(kept, key=lambda form: -form.cleaned_data["priority"])

    def turns(self) -> list[Turns]:
        """The layers as the forms say them; they are valid."""
        return [form.turns() for form in self.said()]

    def texts(self) -> Iterator[str]:
        """Every refusal, with the layer and the field that it belongs to."""
        yield from map(str, self.non_form_errors())
        for form in self.forms:
            if form.empty_permitted and not form.has_changed():
                continue
            name = form["name"].value() or "New layer"
            for field, texts in form.errors.items():
                where = name if field == "__all__" else f"{name}, {form.fields[field].label or field}"
                yield from (f"{where}: {text}" for text in texts)
            yield from (f"{name}: {text}" for rows in (form.people, form.windows) for text in rows.texts())

    def save(self, commit: bool = True) -> list[Model]:
        """Note what changed, for the log; the deed writes the rows."""
        self.new_objects = [form.instance for form in self.said() if not form.instance.pk]
        changed = [form for form in self.initial_forms if form.has_changed() and form not in self.deleted_forms]
        self.changed_objects = [(form.instance, form.changed_data) for form in changed]
        self.deleted_objects = [form.instance for form in self.deleted_forms if form.instance.pk]
        return []


def slots_of(rows: list[dict[str, Any]]) -> list[list[User]]:
    """People by the number of their turn; those without a number follow, each in a turn of their own."""
    numbered: dict[int, list[User]] = {}
    last = max((row["turn"] or 0 for row in rows), default=0)
    for place, row in enumerate(rows, start=1):
        numbered.setdefault(row["turn"] or last + place, []).append(row["person"])
    return [together for _, together in sorted(numbered.items())]


def _people_of(layer: Layer) -> list[dict[str, Any]]:
    """The people of a layer by their turns, which are counted from 1 whatever the rows say."""
    if not layer.pk:
        return []
    rows = sorted(layer.people.all(), key=lambda row: (row.slot, row.pk))
    order = sorted({row.slot for row in rows})
    return [{"turn": order.index(row.slot) + 1, "person": label(row.user)} for row in rows]


def _windows_of(layer: Layer) -> list[dict[str, Any]]:
    if not layer.pk:
        return []
    rows = sorted(layer.restrictions.all(), key=lambda row: (row.weekday, row.start, row.pk))
    return [{"weekday": row.weekday, "start": row.start, "end": row.end} for row in rows]
