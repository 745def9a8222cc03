"""Which other incident is meant, and what is split off."""

import re
from typing import Any

from django import forms

from incidents.forms.deeds import DeedForm
from incidents.models import Alert, Incident, Service, Severity, User

REFERENCE = re.compile(r"(?:INC-?)?([0-9]{1,9})\Z", re.IGNORECASE)
NOT_SEEN = "There is no incident of this number that you may see."


class IncidentField(forms.CharField):
    """An incident by its reference, INC-7 or 7, among those that the person may see."""

    def __init__(self, *, user: User | None = None, **kwargs: Any) -> None:
        super().__init__(max_length=40, **kwargs)
        self.user = user

    def clean(self, value: Any) -> Incident:
        """Return the incident.

        Raises:
            forms.ValidationError: it is no reference, or there is none to be seen.
        """
        found = REFERENCE.match(str(super().clean(value)).strip())
        if found is None:
            raise forms.ValidationError("Write the number of the incident, such as INC-7.")
        row = Incident.objects.visible_to(self.user).filter(number=int(found[1])).first() if self.user else None
        if row is None:
            raise forms.ValidationError(NOT_SEEN)
        return row


def _reason(question: str) -> forms.CharField:
    return forms.CharField(
        label=question,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why."},
    )


class MergeForm(DeedForm):
    """Into which incident, and why."""

    into = IncidentField(label="Into which incident?", help_text="Its number, such as INC-7.")
    reason = _reason("Why are they one?")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["into"].user = user  # type: ignore[attr-defined]


class RelateForm(forms.Form):
    """Another incident that has to do with it."""

    other = IncidentField(label="Which incident?", help_text="Its number, such as INC-7.")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["other"].user = user  # type: ignore[attr-defined]


class SplitForm(DeedForm):
    """What becomes an incident of its own."""

    title = forms.CharField(
        label="What is wrong there?", max_length=200, error_messages={"required": "Say what is wrong, in a few words."}
    )
    service = forms.ModelChoiceField(Service.objects.filter(is_active=True).order_by("name"), label="Which service?")
    severity = forms.ModelChoiceField(Severity.objects.order_by("level"), label="How bad is it?", empty_label=None)
    alerts = forms.ModelMultipleChoiceField(
        Alert.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="Which alerts go along?"
    )
    reason = _reason("Why are these two?")

    def __init__(self, *args: Any, incident: Incident, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        alerts = Alert.objects.filter(incident=incident).order_by("pk")
        self.fields["alerts"].queryset = alerts  # type: ignore[attr-defined]
        if not alerts.exists():
            del self.fields["alerts"]
