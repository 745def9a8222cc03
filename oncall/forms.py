"""What people choose on the pages of the pager."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from incidents.models import Service, User
from oncall import ways
from oncall.models import Channel


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
        required=False,
        help_text="A number with country code, an e-mail address, a topic, or the address of a chat or webhook.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "+49 151 2345678"}),
    )

    def clean(self) -> dict[str, Any]:
        """Only the board needs no address."""
        said = super().clean() or self.cleaned_data
        if said.get("channel") == Channel.IN_APP:
            said["address"] = said.get("address") or "board"
        elif not said.get("address") and "address" not in self.errors:
            self.add_error("address", "Say where.")
        return said


class CodeForm(forms.Form):
    """The code that came over a contact method."""

    code = forms.CharField(
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "size": "8"}),
    )


class PersonForm(forms.Form):
    """Whose phone to show. ``people`` are those whom the viewer may choose."""

    person = forms.ModelChoiceField(User.objects.none())

    def __init__(self, *args: object, people: QuerySet[User], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["person"].queryset = people  # type: ignore[attr-defined]
