"""The five role cards: their words are configuration, their keys are fixed."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from incidents.admin.configuration import ConfigurationAdmin
from incidents.models import RoleCard


class RoleCardForm(forms.ModelForm):
    """A card without empty lines."""

    def clean_duties(self) -> list[str]:
        """Drop the spaces around each."""
        return [duty.strip() for duty in self.cleaned_data["duties"] if duty.strip()]

    def clean_skills(self) -> list[str]:
        """Drop the spaces around each."""
        return [skill.strip() for skill in self.cleaned_data["skills"] if skill.strip()]


@admin.register(RoleCard)
class RoleCardAdmin(ConfigurationAdmin):
    """What each role does, is good at and says; up to which level it is asked for."""

    form = RoleCardForm
    list_display = ["name", "role", "asked_to", "phrase"]
    search_fields = ["name", "phrase"]
    ordering = ["place", "role"]
    readonly_fields = ["role"]
    fields = ["role", "name", "place", "duties", "skills", "phrase", "asked_to"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: there are five."""
        return False
