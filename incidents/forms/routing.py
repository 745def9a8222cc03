"""Which events are shown, and where alerts shall go."""

from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from incidents import routing
from incidents.models import Integration, RawEvent, Service, Severity


class EventsForm(forms.Form):
    """Which events are shown; every choice stands in the URL."""

    integration = forms.ModelChoiceField(
        Integration.objects.select_related("service").order_by("name", "pk"),
        required=False,
        empty_label="Every integration",
    )
    state = forms.ChoiceField(
        label="What came of it",
        required=False,
        choices=[
            ("", "Anything"),
            ("used", "Used"),
            ("waiting", "Waits or rests"),
            ("rejected", "Set aside"),
        ],
    )
    key = forms.CharField(label="Deduplication key", required=False, max_length=255)

    def narrow(self, rows: QuerySet[RawEvent]) -> QuerySet[RawEvent]:
        """Apply what is valid."""
        self.is_valid()
        said = self.cleaned_data
        if said.get("integration"):
            rows = rows.filter(integration=said["integration"])
        if said.get("key"):
            rows = rows.filter(dedup_key=said["key"])
        chosen = {
            "used": Q(processed_at__isnull=False, rejected_because=""),
            "waiting": Q(processed_at=None),
            "rejected": ~Q(rejected_because=""),
        }.get(said.get("state", ""))
        return rows.filter(chosen) if chosen is not None else rows

    @property
    def is_narrow(self) -> bool:
        """Something is chosen."""
        return any(self.cleaned_data.values())


class RouteForm(forms.Form):
    """One route; ``incidents.routing`` judges it."""

    name = forms.CharField(label="Name", max_length=80, error_messages={"required": "Give it a name."})
    conditions = forms.CharField(
        label="Which alerts?",
        required=False,
        max_length=5000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One condition a line, all must be met: team = payments, host ~ web-*, severity != info. "
        "Empty = every alert that came this far.",
    )
    service = forms.ModelChoiceField(
        Service.objects.filter(is_active=True).order_by("name", "pk"),
        required=False,
        label="They belong to",
        empty_label="The integration’s own service",
    )
    severity = forms.ModelChoiceField(
        Severity.objects.order_by("level"), required=False, label="Severity", empty_label="As the source says"
    )
    policy = forms.ChoiceField(required=False, label="Escalation policy")
    group_by = forms.CharField(
        label="Group by labels",
        required=False,
        max_length=200,
        help_text="Separated by commas: alerts alike in them share an incident. Empty = as the source groups.",
    )
    is_active = forms.BooleanField(label="In use", required=False, initial=True)

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual = ("", "The one of the service and severity")
        self.fields["policy"].choices = [usual, *routing.policies()]  # type: ignore[attr-defined]

    def wanted(self) -> routing.Wanted:
        """The route as it is to be; ask after ``is_valid``."""
        return routing.Wanted(**self.cleaned_data)
