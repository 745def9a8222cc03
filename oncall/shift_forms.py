"""What people type to change who is on call. Times are read on a wall clock that the form names."""

from calendar import day_name
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import QuerySet

from incidents.models import Team, User
from incidents.models.people import validate_time_zone
from incidents.refusals import Invalid
from oncall import moments
from oncall.beginnings import Wanted
from oncall.models import OverrideKind
from oncall.overriding import Wish
from oncall.temporaries import Fixed

TYPED = "%Y-%m-%dT%H:%M"
REASON = 200


def time_input() -> forms.DateTimeInput:
    """A wall-clock time to the minute."""
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format=TYPED)


class WallTimeForm(forms.Form):
    """A form with a start and an end on the wall clock of a zone that the form names.

    A time that comes twice is asked back: ``start_which`` and ``end_which`` appear where they are needed.
    """

    zone = forms.ChoiceField(label="Times are on the clock of", widget=forms.RadioSelect)
    start = forms.DateTimeField(label="From", widget=time_input(), error_messages={"required": "Say from when."})
    end = forms.DateTimeField(label="To", widget=time_input(), error_messages={"required": "Say until when."})
    start_which = forms.ChoiceField(label="Which one does it start at?", required=False, widget=forms.RadioSelect)
    end_which = forms.ChoiceField(label="Which one does it end at?", required=False, widget=forms.RadioSelect)

    use_required_attribute = False
    TIMES = ("start", "end")

    def __init__(self, *args: Any, zones: Sequence[dict[str, str]], **kwargs: Any) -> None:
        """``zones`` as ``views.schedule.zones_for`` gives them; the first is the usual one."""
        super().__init__(*args, **kwargs)
        self.zones = {one["key"]: one["name"] for one in zones}
        field: Any = self.fields["zone"]
        field.choices, field.initial = [(one["key"], one["label"]) for one in zones], zones[0]["key"]
        if len(zones) == 1:
            field.widget, field.required = forms.HiddenInput(), False
        for name in self.TIMES:
            which: Any = self.fields[f"{name}_which"]
            which.choices = [("first", "The first"), ("second", "The second")]

    @property
    def doubtful(self) -> Iterable[str]:
        """Those of the times of which it must be said which one is meant."""
        return [name for name in self.TIMES if getattr(self, f"asks_{name}", False)]

    def clean(self) -> dict[str, Any]:
        """Turn wall-clock times into instants, or say why not."""
        said = super().clean() or self.cleaned_data
        time_zone = self.zones.get(said.get("zone") or "") or next(iter(self.zones.values()))
        for name in self.TIMES:
            if said.get(name) is not None:
                self._read(name, said[name].replace(tzinfo=None), time_zone, said.get(f"{name}_which") or "")
        return said

    def _read(self, name: str, wall: datetime, time_zone: str, which: str) -> None:
        if choices := moments.choices_of(wall, time_zone):
            setattr(self, f"asks_{name}", True)
            field: Any = self.fields[f"{name}_which"]
            field.choices = [(one.key, one.words) for one in choices]
        try:
            self.cleaned_data[name] = moments.read(wall, time_zone, field=name, which=which)
        except moments.Twice as refusal:
            self.add_error(f"{name}_which", str(refusal))
        except Invalid as refusal:
            self.add_error(name, str(refusal))


def on_the_wall(moment: datetime, time_zone: str) -> datetime:
    """The instant as a field of a form shows it: naive, to the minute."""
    return moment.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None, second=0, microsecond=0)


def which(moment: datetime, time_zone: str) -> str:
    """Which of two equal wall-clock times the instant is, for a form that begins with it."""
    return "second" if moment.astimezone(ZoneInfo(time_zone)).fold else "first"


def parse_instant(text: str) -> datetime | None:
    """An instant from an address; None, where there is none in it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None or not 2000 <= moment.year < 2100:
        return None
    return moment.astimezone(UTC)


class OverrideForm(WallTimeForm):
    """A change by hand; ``oncall.overriding`` judges it."""

    kind = forms.ChoiceField(
        label="What should happen",
        choices=[
            (OverrideKind.REPLACE.value, "Replace somebody"),
            (OverrideKind.ADD.value, "Put somebody on call as well"),
            (OverrideKind.REMOVE.value, "Take somebody off"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Say what should happen."},
    )
    person = forms.ModelChoiceField(
        User.objects.none(), label="Who", empty_label="Choose", error_messages={"required": "Say who."}
    )
    replaces = forms.ModelChoiceField(
        User.objects.none(), label="In place of", required=False, empty_label="Choose whom"
    )
    reason = forms.CharField(label="Reason", max_length=REASON, required=False)

    field_order = ["kind", "person", "replaces", "start", "start_which", "end", "end_which", "zone", "reason"]

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        """``people``: whom one may choose."""
        super().__init__(*args, **kwargs)
        for name in ("person", "replaces"):
            field: Any = self.fields[name]
            field.queryset = people

    def wish(self) -> Wish:
        """What is wished; only a replacement names whom."""
        said = self.cleaned_data
        replaces = said["replaces"] if said["kind"] == OverrideKind.REPLACE else None
        return Wish(said["kind"], said["person"], said["start"], said["end"], replaces, said["reason"])


class AskForm(WallTimeForm):
    """A shift of one's own, or a part of it, that somebody else is to take; ``oncall.swapping`` judges it."""

    asked = forms.ModelChoiceField(
        User.objects.none(), label="Ask", required=False, empty_label="Anyone in the schedule: the first who takes it"
    )
    note = forms.CharField(label="Note", max_length=REASON, required=False)

    field_order = ["start", "start_which", "end", "end_which", "zone", "asked", "note"]

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        """``people``: whom one may ask."""
        super().__init__(*args, **kwargs)
        field: Any = self.fields["asked"]
        field.queryset = people


class LeaveForm(WallTimeForm):
    """A time away, of one's own or of somebody whom one manages; ``oncall.absences`` judges it."""

    person = forms.ModelChoiceField(User.objects.none(), label="Who", error_messages={"required": "Say who."})
    reason = forms.CharField(
        label="Reason",
        max_length=REASON,
        required=False,
        help_text="Only you, your managers and administrators see it.",
    )

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        """``people``: for whom one may say it."""
        super().__init__(*args, **kwargs)
        field: Any = self.fields["person"]
        field.queryset, field.empty_label = people, None


class FixForm(WallTimeForm):
    """The range of a temporary schedule; its shifts are a ``FixedFormSet``."""

    reason = forms.CharField(label="Reason", max_length=REASON, required=False)


class FixedForm(WallTimeForm):
    """One shift of a temporary schedule; a row without a person is left out."""

    person = forms.ModelChoiceField(User.objects.none(), label="Who", required=False, empty_label="Nobody")

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        """``people``: whom one may choose."""
        super().__init__(*args, **kwargs)
        field: Any = self.fields["person"]
        field.queryset = people
        if self.is_bound and not self.data.get(self.add_prefix("person")):
            for name in self.TIMES:
                self.fields[name].required = False

    def fixed(self) -> Fixed | None:
        """The shift that the row says, if it says one."""
        said = self.cleaned_data
        return Fixed(said["person"], said["start"], said["end"]) if said.get("person") else None


FixedFormSet = forms.formset_factory(FixedForm, extra=3, max_num=200, absolute_max=300)


class RotationForm(forms.Form):
    """A first rotation for a team; ``oncall.beginnings`` makes it. A place without a person is left out."""

    PLACES = 8  # at first; whoever needs more asks for them
    MORE = 4
    MOST = 40

    name = forms.CharField(label="Name", max_length=80, error_messages={"required": "Give it a name."})
    weekday = forms.TypedChoiceField(label="Handoff on", choices=list(enumerate(day_name)), coerce=int, initial=0)
    clock = forms.TimeField(label="at", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), initial=time(9))
    time_zone = forms.CharField(
        label="Time zone", max_length=64, validators=[validate_time_zone], help_text="For example Europe/Berlin."
    )

    use_required_attribute = False

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        """``people``: whom one may choose."""
        super().__init__(*args, **kwargs)
        self.count = self._count()
        choices = [("", "Nobody"), *((str(person.pk), person.name) for person in people)]
        self.known = {person.pk: person for person in people}
        for number in range(1, self.count + 1):
            label = "On call first" if number == 1 else f"Turn {number}"
            self.fields[f"place_{number}"] = forms.TypedChoiceField(
                label=label,
                choices=choices,
                coerce=int,
                empty_value=None,
                required=number == 1,
                error_messages={"required": "Choose at least one person."},
            )

    def _count(self) -> int:
        """How many places: one more than the highest that somebody has, more where they were asked for."""
        said = self.data if self.is_bound else self.initial
        taken = [number for number in range(1, self.MOST + 1) if said.get(f"place_{number}")]
        shown = str(said.get("places", ""))
        wanted = int(shown) if shown.isdecimal() and len(shown) < 3 else self.PLACES  # two digits
        wanted += self.MORE if "more" in said else 0
        return min(self.MOST, max(self.PLACES, wanted, max(taken, default=0) + 1))

    @property
    def places(self) -> list[forms.BoundField]:
        """The fields of the people, in order."""
        return [self[f"place_{number}"] for number in range(1, self.count + 1)]

    def clean(self) -> dict[str, Any]:
        """Refuse somebody who is in the order twice."""
        said = super().clean() or self.cleaned_data
        chosen: list[int] = []
        for number in range(1, self.count + 1):
            pk = said.get(f"place_{number}")
            if pk in chosen:
                self.add_error(f"place_{number}", f"{self.known[pk]} is in the order already.")
            elif pk is not None:
                chosen.append(pk)
        return said

    def wanted(self, team: Team) -> Wanted:
        """What is wished."""
        said = self.cleaned_data
        chosen = [said[f"place_{number}"] for number in range(1, self.count + 1)]
        people = tuple(self.known[pk] for pk in chosen if pk is not None)
        return Wanted(team, said["name"].strip(), people, said["weekday"], said["clock"], said["time_zone"])
