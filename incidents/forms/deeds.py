"""What the deeds of an incident ask for. A refused form keeps what was typed."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from incidents.forms.moments import MomentField
from incidents.models import EntryKind, Service, Severity
from incidents.states import Phase

NOT_WHOLE = "The page was not sent whole. Look at it again, then decide."


class DeedForm(forms.Form):
    """A form about an incident as the person saw it: without the version that they saw, nothing is done."""

    version = forms.IntegerField(
        widget=forms.HiddenInput,
        min_value=0,
        max_value=2**31 - 1,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), NOT_WHOLE),
    )


class NothingToAsk(DeedForm):
    """A deed that asks for nothing."""


class PhaseForm(DeedForm):
    """Go on to a phase."""

    to = forms.ChoiceField(choices=[(phase.value, phase.label) for phase in (Phase.RESPOND, Phase.MITIGATE)])


class FilesInput(forms.ClearableFileInput):
    """Several files at once."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, none needed."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Return the files; ``incidents.evidence`` judges them."""
        return [file for file in data or [] if file]


class EntryForm(forms.Form):
    """A line for the timeline. Updates, decisions and actions have forms of their own."""

    kind = forms.ChoiceField(
        choices=[(kind, EntryKind(kind).label) for kind in ("note", "finding")],
        initial="note",
        widget=forms.RadioSelect,
    )
    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 1, "placeholder": "What did you see, do or decide?"}),
        required=False,
        strip=True,
    )
    occurred_at = MomentField(label="At", widget=forms.TextInput(attrs={"placeholder": "now", "class": "at"}))
    evidence = FilesField(label="Pictures and files", required=False)
    key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "entry_%s")  # a form in the dialog has such fields as well
        super().__init__(*args, **kwargs)


class CorrectionForm(forms.Form):
    """An entry put right."""

    text = forms.CharField(
        label="What happened?",
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Write what you saw, did or decided."},
    )
    occurred_at = MomentField(label="When?", help_text="UTC, such as 14:05; empty = the time stays.")


class MitigateForm(DeedForm):
    """What stopped the bleeding."""

    what = forms.CharField(
        label="What stopped it?",
        max_length=500,
        help_text="For example: rolled back to build 41.",
        error_messages={"required": "Say what stopped it, in a few words."},
    )
    occurred_at = MomentField(label="When?", help_text="UTC, such as 14:15; empty = now.")
    impact_over = forms.BooleanField(label="Users are well again", required=False)


class ResolveForm(DeedForm):
    """How it ended."""

    root_cause = forms.CharField(
        label="What was the cause, and what removes it for good?",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Leave it empty when it is not known yet.",
    )
    not_yet_because = forms.CharField(label="Or: not known yet, because …", required=False, max_length=2000)
    recovered_at = MomentField(label="When were users well again?", help_text="UTC; empty = when it is resolved.")


class ReasonForm(DeedForm):
    """A reason."""

    reason = forms.CharField(
        label="Why?",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why."},
    )


class SeverityForm(DeedForm):
    """Another level, with the reason."""

    severity = forms.ModelChoiceField(
        Severity.objects.order_by("level"), widget=forms.RadioSelect, empty_label=None, label="Severity"
    )
    reason = forms.CharField(
        label="Why?",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why the severity changes."},
    )


class CadenceForm(DeedForm):
    """How often an update is promised."""

    every = forms.IntegerField(
        label="An update at least every … minutes",
        required=False,
        min_value=1,
        max_value=7 * 24 * 60,
        help_text="Empty = as the level has it.",
    )
    reason = forms.CharField(
        label="Why, if it is longer than the level's?",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean_every(self) -> timedelta | None:
        """Minutes as a span."""
        minutes = self.cleaned_data["every"]
        return None if minutes is None else timedelta(minutes=minutes)


class ImpactForm(DeedForm):
    """Who is hurt, and what they can do meanwhile."""

    affected_percent = forms.IntegerField(
        label="Users affected, percent", required=False, min_value=0, max_value=100, help_text="Empty = unknown."
    )
    workaround = forms.CharField(
        label="Workaround", required=False, max_length=300, help_text="What users can do meanwhile; empty = none."
    )
    affected_services = forms.ModelMultipleChoiceField(
        Service.objects.filter(is_active=True).order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Other services that suffer",
        help_text="Their teams are reached by the escalation as well.",
    )
    summary = forms.CharField(
        label="What is happening, in one or two sentences",
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
