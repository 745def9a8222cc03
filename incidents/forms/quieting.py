"""When alerts of which services page nobody. Times are UTC."""

from typing import Any

from django import forms

from incidents.models import Service, User

TYPED = "%Y-%m-%dT%H:%M"


def moment_field(label: str, required: str) -> forms.DateTimeField:
    """A moment in UTC to the minute."""
    return forms.DateTimeField(
        label=f"{label}, UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=TYPED),
        error_messages={"required": required},
    )


class MaintenanceForm(forms.Form):
    """A planned window."""

    title = forms.CharField(
        label="What is done?", max_length=120, error_messages={"required": "Say what is done, in a few words."}
    )
    services = forms.ModelMultipleChoiceField(
        Service.objects.none(),
        label="Services",
        widget=forms.SelectMultiple(attrs={"size": 6}),
        help_text="Those whose alerts page nobody meanwhile. Hold Ctrl or ⌘ to choose several.",
        error_messages={"required": "Choose at least one service."},
    )
    start = moment_field("From", "Say from when.")
    end = moment_field("To", "Say until when.")
    note = forms.CharField(
        label="What may be noticed?", required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 3})
    )

    use_required_attribute = False

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        """``person``: managers choose among the services of their teams, administrators among all."""
        super().__init__(*args, **kwargs)
        rows = Service.objects.filter(is_active=True).order_by("name", "pk")
        if not person.is_administrator:
            rows = rows.filter(team__in=person.memberships.filter(is_manager=True).values("team"))
        self.fields["services"].queryset = rows  # type: ignore[attr-defined]


class SilenceForm(forms.Form):
    """Alerts that shall stay quiet for a while."""

    service = forms.ModelChoiceField(
        Service.objects.none(),
        label="Service",
        empty_label="Choose a service",
        error_messages={"required": "Choose the service whose alerts are meant."},
    )
    conditions = forms.CharField(
        label="Which of its alerts?",
        required=False,
        max_length=5000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One condition a line, all must be met: alertname = DiskFull, host ~ web-*, team != payments. "
        "Empty = all of them.",
    )
    end = moment_field("Until", "Say until when, within seven days.")
    reason = forms.CharField(
        label="Why?", max_length=200, error_messages={"required": "Say why, for whoever wonders at night."}
    )

    use_required_attribute = False

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        """``person``: members silence what their teams own, administrators everything."""
        super().__init__(*args, **kwargs)
        rows = Service.objects.filter(is_active=True).order_by("name", "pk")
        if not person.is_administrator:
            rows = rows.filter(team__in=person.memberships.values("team"))
        self.fields["service"].queryset = rows  # type: ignore[attr-defined]
