"""Declaring an incident."""

from datetime import datetime
from typing import Any

from django import forms

from incidents.forms.assessing import add_questions, answers_of
from incidents.forms.moments import MomentField
from incidents.models import Question, Service, Severity
from incidents.states import Detection, Kind


class DeclareForm(forms.Form):
    """Three answers declare an incident; the rest can wait."""

    title = forms.CharField(
        label="What is wrong?",
        max_length=200,
        help_text="What someone outside would notice, in a few words.",
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
        error_messages={"required": "Say what is wrong, in a few words."},
    )
    service = forms.ModelChoiceField(
        Service.objects.filter(is_active=True).select_related("team").order_by("name"),
        label="Which service?",
        empty_label="Choose a service",
        error_messages={"required": "Choose the service that suffers; the nearest one will do."},
    )
    severity = forms.ModelChoiceField(
        Severity.objects.order_by("level"),
        label="How bad is it?",
        widget=forms.RadioSelect,
        empty_label=None,
        error_messages={"required": "Choose a level. If you waver between two, take the worse one."},
    )
    kind = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[
            ("real", "Real"),
            ("drill", "Drill: people are paged, everything says DRILL"),
            ("backfill", "Past incident: nobody is paged"),
        ],
        initial=Kind.REAL,
    )
    time_scale = forms.IntegerField(
        label="Speed of a drill",
        required=False,
        min_value=1,
        max_value=100,
        help_text="1 to 100: every delay is divided by this.",
    )
    detection = forms.ChoiceField(
        label="How was it noticed?", required=False, choices=Detection, initial=Detection.USER_REPORT
    )
    detected_at = MomentField(label="When was it noticed?", help_text="UTC; empty = now.")
    impact_started_at = MomentField(label="When did users begin to suffer?", help_text="UTC; empty = unknown.")
    affected_percent = forms.IntegerField(label="Users affected, percent", required=False, min_value=0, max_value=100)
    workaround = forms.CharField(label="Workaround", required=False, max_length=300)
    private = forms.BooleanField(label="Private: only those who take part see it", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        add_questions(self)

    def clean(self) -> dict[str, Any]:
        """Hand the five answers on as one."""
        super().clean()
        self.cleaned_data["assessment"] = answers_of(self)
        return self.cleaned_data

    @property
    def asked(self) -> list[Any]:
        """The bound fields of the questions."""
        return [self[f"ask_{question}"] for question in Question.values]

    def clean_kind(self) -> str:
        """No answer means a real one."""
        return self.cleaned_data["kind"] or Kind.REAL

    def clean_time_scale(self) -> int:
        """No answer means the speed of life."""
        return self.cleaned_data["time_scale"] or 1

    def clean_detection(self) -> str:
        """No answer means that somebody told us."""
        return self.cleaned_data["detection"] or Detection.USER_REPORT

    def clean_impact_started_at(self) -> datetime | None:
        """An empty field is unknown, never now."""
        return self.cleaned_data["impact_started_at"]
