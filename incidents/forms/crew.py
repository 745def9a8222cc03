"""Who takes a role, and what each person works on."""

from typing import Any

from django import forms
from django.db.models import Case, Q, QuerySet, When

from incidents.forms.deeds import DeedForm
from incidents.models import Access, Incident, Severity, User


class PersonChoice(forms.ModelChoiceField):
    """People by name, with what they are good at."""

    def label_from_instance(self, obj: Any) -> str:
        """The name and the tags."""
        return f"{obj} ({', '.join(obj.skills)})" if obj.skills else str(obj)


def people_for(incident: Incident) -> QuerySet[User]:
    """Those in the room and the owning team first, then everybody else who may act."""
    near = Q(participations__incident=incident) | Q(memberships__team=incident.service.team_id)
    acting = User.objects.filter(is_active=True).exclude(access=Access.VIEWER)
    rank = Case(When(pk__in=User.objects.filter(near).values("pk"), then=0), default=1)
    return acting.order_by(rank, "name", "pk")


class PersonForm(forms.Form):
    """Somebody who takes a role: those in the room and the owning team first, then everybody who may act."""

    person = PersonChoice(
        User.objects.none(),
        label="Who?",
        empty_label="Choose a person",
        error_messages={"required": "Choose a person."},
    )

    def __init__(self, *args: Any, incident: Incident, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = people_for(incident)  # type: ignore[attr-defined]


class CommandForm(DeedForm):
    """The commander's one gesture."""

    severity = forms.ModelChoiceField(
        Severity.objects.order_by("level"), widget=forms.RadioSelect, empty_label=None, label="How bad is it?"
    )
    reason = forms.CharField(label="Why, if it is another level than before?", required=False, max_length=2000)
    bridge = forms.CharField(
        label="Where do people talk?",
        required=False,
        max_length=300,
        help_text="A call, a chat room, a desk. Empty = on the incident page.",
    )


class WorkForm(forms.Form):
    """What a person works on."""

    what = forms.CharField(
        label="In a few words", required=False, max_length=160, help_text="For example: reading the database logs."
    )
