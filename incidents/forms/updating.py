"""What an update consists of."""

from django import forms

from incidents.forms.deeds import NOT_WHOLE
from incidents.forms.moments import MomentField
from incidents.updates import LONGEST


def _part(label: str, name: str, help_text: str, *, rows: int = 2, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=LONGEST[name],
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"required": "Say what is the case: what users and systems go through now."},
    )


class UpdateForm(forms.Form):
    """Conditions, actions, needs. ``seen`` names the last update that the writer knew."""

    conditions = _part("Conditions", "conditions", "What do users and systems go through now?", required=True)
    actions = _part("Actions", "actions", "Who does what about it, and until when?")
    needs = _part("Needs", "needs", "What is missing: people, access, a decision? Empty = nothing.", rows=1)
    occurred_at = MomentField(label="As of", help_text="UTC, such as 14:15; empty = now.")
    seen = forms.IntegerField(
        widget=forms.HiddenInput,
        min_value=0,
        max_value=2**31 - 1,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), NOT_WHOLE),
    )
