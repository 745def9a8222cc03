"""What people choose on the pages of the pager."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.db.models import QuerySet

from incidents.models import Service, Severity, User
from oncall import foreign, ways
from oncall.models import Channel, ContactMethod
from oncall.wishing import OURS


class ServiceForm(forms.Form):
    """The service whose ladders are to be shown; none = the general ones."""

    service = forms.ModelChoiceField(
        Service.objects.filter(is_active=True).select_related("team__fallback").order_by("name", "pk"),
        to_field_name="slug",
        required=False,
        empty_label="Any service",
        error_messages={"invalid_choice": "There is no such service. Choose one from the list."},
    )


class ContactMethodForm(forms.Form):
    """A new way to reach oneself; ``oncall.contacts`` judges whether the address fits."""

    channel = forms.ChoiceField(label="Way", choices=[(channel, channel.label) for channel in ways.CHOICES])
    address = forms.CharField(
        max_length=500,
        error_messages={"required": "Say where."},
        help_text="A number with country code, an e-mail address, a topic, or the address of a chat or webhook.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "+49 151 2345678"}),
    )

    use_required_attribute = False  # the board needs no address

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address"].required = self.data.get("channel") != Channel.IN_APP

    def clean_address(self) -> str:
        """The board is its own address."""
        return str(self.cleaned_data["address"]) or "board"


class CodeForm(forms.Form):
    """The code that came over a contact method."""

    code = forms.CharField(
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "size": "8"}),
    )


class SnoozeForm(forms.Form):
    """For how long nobody is called."""

    minutes = forms.TypedChoiceField(
        choices=[(15, "15 minutes"), (30, "30 minutes"), (60, "1 hour"), (240, "4 hours"), (1440, "1 day")],
        coerce=int,
        initial=30,
    )


class SimulationForm(forms.Form):
    """An incident that is only thought of: where, how bad, when, and who would not answer. ``zone`` is the reader's."""

    service = forms.ModelChoiceField(
        Service.objects.filter(is_active=True).select_related("team").order_by("name", "pk"), to_field_name="slug"
    )
    severity = forms.ModelChoiceField(
        Severity.objects.order_by("level"), required=False, empty_label="Not named (generic ladder)"
    )
    at = forms.DateTimeField(
        label="When",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    answers = forms.ChoiceField(
        label="Who answers",
        choices=[("nobody", "Nobody answers"), ("others", "Everyone but the chosen answers after a minute")],
        required=False,
        initial="nobody",
    )
    silent = forms.ModelMultipleChoiceField(
        User.objects.filter(is_active=True).order_by("name", "pk"),
        label="Who does not answer",
        required=False,
        widget=forms.SelectMultiple(attrs={"size": "5"}),
    )

    def __init__(self, *args: object, zone: tzinfo, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.zone = zone

    def clean_at(self) -> datetime | None:
        """Read the wall clock of the reader."""
        said: datetime | None = self.cleaned_data["at"]
        return said.replace(tzinfo=self.zone).astimezone(UTC) if said else None


class PersonForm(forms.Form):
    """Whose phone to show. ``people`` are those whom the viewer may choose."""

    person = forms.ModelChoiceField(User.objects.none())

    def __init__(self, *args: object, people: QuerySet[User], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["person"].queryset = people  # type: ignore[attr-defined]


class RuleForm(forms.Form):
    """One rule of a band; without a channel it is dropped."""

    channel = forms.ChoiceField(
        choices=[("", "No way"), *((way.value, way.label) for way in Channel if way not in OURS)], required=False
    )
    minutes = forms.IntegerField(label="Minutes after the page", min_value=0, max_value=1440, required=False, initial=0)

    def rule(self, band: str) -> tuple[str, str, timedelta] | None:
        """The rule that the row says, if it says one."""
        said = self.cleaned_data
        return (band, said["channel"], timedelta(minutes=said["minutes"] or 0)) if said.get("channel") else None


RuleFormSet = forms.formset_factory(RuleForm, extra=2, max_num=22, absolute_max=30)


class QuietForm(forms.Form):
    """Quiet hours and the method of last resort. ``methods`` are the person's verified ones."""

    quiet_from = forms.TimeField(
        label="Quiet from", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label="Quiet until", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    fallback_method = forms.ModelChoiceField(
        ContactMethod.objects.none(),
        label="Method of last resort",
        required=False,
        empty_label="The first in my list",
        help_text="Used when no rule finds a verified method.",
    )

    def __init__(self, *args: object, methods: QuerySet[ContactMethod], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["fallback_method"].queryset = methods  # type: ignore[attr-defined]


class CalendarForm(forms.Form):
    """A calendar to read a layer from."""

    name = forms.CharField(max_length=80, label="Name of the layer", error_messages={"required": "Give it a name."})
    url = forms.CharField(
        max_length=foreign.LONGEST,
        label="Address of the calendar",
        help_text="It begins with https:// and often ends with .ics. It is kept sealed and shown to nobody.",
        error_messages={"required": "Enter the address."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    priority = forms.IntegerField(
        min_value=-1000, max_value=1000, initial=10, help_text="The layer with the larger number wins."
    )


class ShiftWishForm(forms.Form):
    """Which notices of my shifts I want; the ways are those by which I can be reached."""

    soon = forms.IntegerField(
        label="Minutes before my shift starts",
        required=False,
        min_value=1,
        max_value=7 * 24 * 60,
        help_text="Empty = no such notice.",
        error_messages={"max_value": "Choose at most seven days: 10080 minutes."},
    )
    moved = forms.BooleanField(label="A shift of mine was moved", required=False)
    handoff = forms.BooleanField(label="I take over: open incidents and notes", required=False)
    swaps = forms.BooleanField(label="Somebody asks for a swap, or takes mine", required=False)
    daily_at = forms.TimeField(
        label="Every day at",
        required=False,
        help_text="On your own clock, on days on which you are on call. Empty = never.",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    channels = forms.MultipleChoiceField(
        label="Ways",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="One notice on each. None chosen = the first of your contact methods. A notice never calls.",
    )

    def __init__(self, *args: Any, channels: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        quiet = [channel for channel in channels if channel != Channel.VOICE]
        self.fields["channels"].choices = [(channel, Channel(channel).label) for channel in quiet]  # type: ignore[attr-defined]


class NoteForm(forms.Form):
    """What the next person should know."""

    text = forms.CharField(
        label="For whoever takes over",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Write something."},
    )


class WeightForm(forms.Form):
    """How much of the turns is meant for somebody."""

    person = forms.IntegerField()
    weight = forms.FloatField(min_value=0, max_value=10)
