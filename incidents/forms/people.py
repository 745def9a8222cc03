"""What a person may change about themselves."""

from django import forms

from incidents.models import User


class MeForm(forms.ModelForm):
    """What a person may change about themselves."""

    class Meta:
        model = User
        fields = ["name", "time_zone", "theme", "single_keys"]
        help_texts = {"name": "Full name, as colleagues know it.", "time_zone": "For example Europe/Berlin."}
