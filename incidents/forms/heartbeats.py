"""What a heartbeat is waited for."""

from datetime import timedelta
from typing import Any

from django import forms

YEAR = 366 * 24 * 60  # minutes


class HeartbeatForm(forms.Form):
    """Spans in minutes; ``incidents.heartbeats`` judges them."""

    period = forms.FloatField(
        label="A sign of life every … minutes",
        min_value=0.1,
        max_value=YEAR,
        help_text="1440 is a day. The time counts from the last sign.",
        error_messages={"required": "Say how often it beats, in minutes."},
    )
    grace = forms.FloatField(
        label="Grace, minutes",
        min_value=0,
        max_value=YEAR,
        help_text="So much later it may be, and so long a run may take that said “start”.",
        error_messages={"required": "Say how much later it may be; 0 is possible."},
    )
    muted = forms.BooleanField(label="Muted: page nobody, whatever it does", required=False)

    use_required_attribute = False

    def spans(self) -> dict[str, Any]:
        """What is wished; ask after ``is_valid``."""
        said = self.cleaned_data
        return said | {name: timedelta(minutes=said[name]) for name in ("period", "grace")}
