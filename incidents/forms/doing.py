"""Decisions, objections, and what is tried to stop the bleeding."""

from typing import Any

from django import forms

from incidents.forms.crew import PersonChoice, people_for
from incidents.forms.moments import MomentField
from incidents.models import Incident, Remedy, User, Worked


class DecisionForm(forms.Form):
    """What is, or may be, decided."""

    text = forms.CharField(
        label="What is decided?",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For example: roll back to build 41 and fail over.",
        error_messages={"required": "Say what is to be done."},
    )


class ObjectionForm(forms.Form):
    """A strong objection."""

    why = forms.CharField(
        label="What would go wrong?",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say what would go wrong."},
    )


class ActionForm(forms.Form):
    """Something that is tried."""

    text = forms.CharField(
        label="What is tried?",
        max_length=300,
        help_text="For example: checkout-api build 42 → 41.",
        error_messages={"required": "Say what is tried."},
    )
    remedy = forms.ChoiceField(label="Kind", choices=Remedy.choices, widget=forms.RadioSelect)
    owner = PersonChoice(User.objects.none(), label="Who does it?", required=False, empty_label="I do")
    occurred_at = MomentField(label="Begun at", help_text="UTC, such as 14:10; empty = now.")

    def __init__(self, *args: Any, incident: Incident, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people_for(incident)  # type: ignore[attr-defined]


class ActionEndForm(forms.Form):
    """What came of it."""

    worked = forms.ChoiceField(
        label="Did it work?",
        choices=Worked.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether it worked."},
    )
    outcome = forms.CharField(
        label="What do you see?", required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )
    occurred_at = MomentField(label="Seen at", help_text="UTC, such as 14:15; empty = now.")
