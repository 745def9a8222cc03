"""What people choose on the pages of the pager."""

from django import forms
from django.db.models import QuerySet

from incidents.models import Service, User


class ServiceForm(forms.Form):
    """The service whose ladders are to be shown; none = the general ones."""

    service = forms.ModelChoiceField(
        Service.objects.filter(is_active=True).select_related("team__fallback").order_by("name", "pk"),
        to_field_name="slug",
        required=False,
        empty_label="Any service",
        error_messages={"invalid_choice": "There is no such service. Choose one from the list."},
    )


class PersonForm(forms.Form):
    """Whose phone to show. ``people`` are those whom the viewer may choose."""

    person = forms.ModelChoiceField(User.objects.none())

    def __init__(self, *args: object, people: QuerySet[User], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["person"].queryset = people  # type: ignore[attr-defined]
