"""What a person wants to hear of."""

from django import forms

from incidents.models import Pace, Service, Severity, Team


class WatchForm(forms.Form):
    """How often."""

    pace = forms.ChoiceField(label="How often?", choices=Pace, initial=Pace.SOON)


class SubscriptionForm(WatchForm):
    """Which incidents, and how often."""

    service = forms.ModelChoiceField(
        Service.objects.filter(is_active=True).order_by("name"), required=False, empty_label="Any service"
    )
    team = forms.ModelChoiceField(Team.objects.order_by("name"), required=False, empty_label="Any team")
    down_to = forms.ModelChoiceField(
        Severity.objects.order_by("level"), label="Down to which severity?", empty_label=None, initial=2
    )
    field_order = ["service", "team", "down_to", "pace"]
