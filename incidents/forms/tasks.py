"""A task: what is to be done, by whom, until when, and what came of it."""

from datetime import timedelta
from typing import Any

from django import forms

from incidents.assigning import NOBODY
from incidents.forms.crew import PersonChoice, people_for
from incidents.models import Incident, User

FOLLOW_UP = "Take it up in the postmortem"


class _Box(forms.Form):
    """A time box in minutes."""

    def clean_within(self) -> timedelta | None:
        """Minutes as a span."""
        minutes = self.cleaned_data["within"]
        return None if minutes is None else timedelta(minutes=minutes)


def _minutes(help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label="Time box, minutes", required=False, min_value=1, max_value=7 * 24 * 60, help_text=help_text
    )


class TaskForm(_Box):
    """A new task for exactly one person."""

    title = forms.CharField(
        label="What is to be done?",
        max_length=200,
        error_messages={"required": "Say in a few words what is to be done."},
    )
    owner = PersonChoice(
        User.objects.none(),
        label="Who does it?",
        empty_label="Choose a person",
        error_messages={"required": NOBODY, "invalid_choice": NOBODY},
    )
    within = _minutes("When they end you are asked; empty = no limit.")
    follow_up = forms.BooleanField(label=FOLLOW_UP, required=False)

    def __init__(self, *args: Any, incident: Incident, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people_for(incident)  # type: ignore[attr-defined]


class TaskEndForm(_Box):
    """What became of a task, or who goes on with it until when."""

    outcome = forms.CharField(
        label="What came of it?", required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )
    owner = PersonChoice(User.objects.none(), label="Who does it?", required=False, empty_label="As it is")
    within = _minutes("From now; empty = the box stays as it is.")
    follow_up = forms.BooleanField(label=FOLLOW_UP, required=False)

    def __init__(self, *args: Any, incident: Incident, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = people_for(incident)  # type: ignore[attr-defined]
