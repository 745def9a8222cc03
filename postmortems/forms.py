"""What people fill in to write a postmortem. A refused form keeps what was typed."""

from django import forms

UNKNOWN = 0  # a version that no section has: it can only conflict, never overwrite


class SectionForm(forms.Form):
    """The text of one section, and the version from which the writing began."""

    text = forms.CharField(
        label="Text",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 16, "class": "writing", "autofocus": True}),
        help_text="Markdown: **bold**, *italic*, - a list, 1. a numbered list, > a quotation, `code`, [text](https://…).",
        error_messages={"null_characters_not_allowed": "There is a character in it that cannot be stored (NUL)."},
    )
    base_version = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_base_version(self) -> int:
        """A version that is missing or makes no sense is unknown."""
        said = self.cleaned_data["base_version"]
        return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else UNKNOWN
