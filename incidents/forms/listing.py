"""What the list of incidents shows, and choices that are kept."""

from datetime import datetime, timedelta

from django import forms

from incidents import search
from incidents.models import Participant, Service, Team, User
from incidents.models.incident import IncidentQuerySet
from incidents.states import Kind, Status


class ListForm(forms.Form):
    """What the list of incidents shows; every choice stands in the URL."""

    q = forms.CharField(label="Search", required=False, max_length=200)
    status = forms.ChoiceField(label="State", required=False, choices=[("", "Any state"), *Status.choices])
    severity = forms.MultipleChoiceField(
        label="Severity",
        required=False,
        choices=[(str(level), f"P{level}") for level in range(5)],
        widget=forms.CheckboxSelectMultiple,
    )
    service = forms.ModelChoiceField(
        Service.objects.order_by("name"), required=False, to_field_name="slug", empty_label="Any service"
    )
    team = forms.ModelChoiceField(
        Team.objects.order_by("name"), required=False, to_field_name="slug", empty_label="Any team"
    )
    who = forms.ChoiceField(
        label="Whose",
        required=False,
        choices=[("", "Everybody’s"), ("me", "I take part"), ("teams", "My teams’")],
    )
    days = forms.ChoiceField(
        label="Detected",
        required=False,
        choices=[
            ("", "At any time"),
            ("1", "Last 24 hours"),
            ("7", "Last 7 days"),
            ("30", "Last 30 days"),
            ("90", "Last 90 days"),
            ("365", "Last year"),
        ],
    )
    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "Any kind"), *Kind.choices])
    order = forms.ChoiceField(
        label="Order", required=False, choices=[("", "Newest first"), ("urgent", "Most urgent first")]
    )

    def narrow(self, incidents: IncidentQuerySet, person: User, at: datetime) -> IncidentQuerySet:
        """Apply what is valid. A choice that makes no sense is shown as such and applied not at all."""
        self.is_valid()
        chosen = self.cleaned_data
        for name in ("status", "service", "kind"):
            if chosen.get(name):
                incidents = incidents.filter(**{name: chosen[name]})
        if chosen.get("severity"):
            incidents = incidents.filter(severity__in=chosen["severity"])
        if chosen.get("team"):
            incidents = incidents.filter(service__team=chosen["team"])
        if chosen.get("who") == "me":
            incidents = incidents.filter(pk__in=Participant.objects.filter(user=person).values("incident"))
        elif chosen.get("who") == "teams":
            incidents = incidents.filter(service__team__in=person.memberships.values("team"))
        if chosen.get("days"):
            incidents = incidents.filter(detected_at__gte=at - timedelta(days=int(chosen["days"])))
        if self.words:
            incidents = incidents.filter(search.matching(self.words))
        return incidents.by_urgency() if chosen.get("order") else incidents.order_by("-detected_at", "-pk")

    @property
    def words(self) -> str:
        """What is searched for; ask after ``is_valid``."""
        return str(self.cleaned_data.get("q", "")).strip()

    @property
    def more_is_chosen(self) -> bool:
        """One of the rarer choices is made."""
        return any(self.cleaned_data.get(name) for name in ("service", "team", "who", "days", "kind", "order"))


class SaveFilterForm(forms.Form):
    """A name for the choice made."""

    name = forms.CharField(label="Keep this choice as", max_length=40)
