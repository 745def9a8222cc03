"""What people fill in. A refused form keeps what was typed; times are UTC and forgiving of their notation."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Case, Q, When
from django.utils import timezone

from incidents import questions, search
from incidents.models import Access, EntryKind, Incident, Participant, Question, Service, Severity, Team, User
from incidents.models.incident import IncidentQuerySet
from incidents.models.timeline import WRITTEN
from incidents.states import Detection, Kind, Phase, Status

NOT_WHOLE = "The page was not sent whole. Look at it again, then decide."
CLOCK_TIME = re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2}))?$")


class MomentField(forms.CharField):
    """A moment in UTC: empty or “now”, 14:05, 14:05:30, or 2026-03-29 14:05."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=40, **kwargs)

    def clean(self, value: object) -> datetime | None:
        """Return an aware UTC moment, or None for now.

        Raises:
            forms.ValidationError: it is none of these notations.
        """
        text = str(super().clean(value) or "").strip().removesuffix("UTC").strip()
        if text.lower() in {"", "now"}:
            return None
        clock = CLOCK_TIME.match(text)
        try:
            return _today_at(clock) if clock else _moment(text)
        except (ValueError, OverflowError) as error:
            raise forms.ValidationError("Write a time in UTC: 14:05, or 2026-03-29 14:05.") from error


def _today_at(clock: re.Match[str]) -> datetime:
    """The last time the clock showed this: a time that lies ahead today was yesterday's."""
    now = timezone.now().astimezone(UTC)
    moment = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0), microsecond=0)
    return moment - timedelta(days=1) if moment > now + timedelta(minutes=1) else moment


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


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


class EntryForm(forms.Form):
    """A line for the timeline."""

    kind = forms.ChoiceField(
        choices=[(kind, EntryKind(kind).label) for kind in WRITTEN], initial="note", widget=forms.RadioSelect
    )
    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 1, "placeholder": "What did you see, do or decide?"}),
        error_messages={"required": "Write what you saw, did or decided."},
        strip=True,
    )
    occurred_at = MomentField(label="At", widget=forms.TextInput(attrs={"placeholder": "now", "class": "at"}))


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


class QuestionsForm(DeedForm):
    """The five questions about a live incident."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        add_questions(self)

    @property
    def given(self) -> dict[str, str]:
        """Question -> answer, of a valid form."""
        return answers_of(self)


def add_questions(form: forms.Form) -> None:
    """Give a form the five questions, none of which must be answered (1 query)."""
    answers: dict[str, list[tuple[str, str]]] = {}
    for row in questions.all_answers():
        answers.setdefault(row.question, []).append((row.word, row.label))
    for question, label in Question.choices:
        choices = [("", "–"), *answers.get(question, [])]
        form.fields[f"ask_{question}"] = forms.ChoiceField(label=label, required=False, choices=choices)


def answers_of(form: forms.Form) -> dict[str, str]:
    """Take the answers out of what a form was told; question -> answer."""
    given = {question: form.cleaned_data.pop(f"ask_{question}", "") for question in Question.values}
    return {question: word for question, word in given.items() if word}


class PersonChoice(forms.ModelChoiceField):
    """People by name, with what they are good at."""

    def label_from_instance(self, obj: Any) -> str:
        """The name and the tags."""
        return f"{obj} ({', '.join(obj.skills)})" if obj.skills else str(obj)


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
        near = Q(participations__incident=incident) | Q(memberships__team=incident.service.team_id)
        acting = User.objects.filter(is_active=True).exclude(access=Access.VIEWER)
        rank = Case(When(pk__in=User.objects.filter(near).values("pk"), then=0), default=1)
        self.fields["person"].queryset = acting.order_by(rank, "name", "pk")  # type: ignore[attr-defined]


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


class ListForm(forms.Form):
    """What the list of incidents shows; every choice stands in the URL."""

    q = forms.CharField(label="Search", required=False, max_length=200)
    status = forms.ChoiceField(label="State", required=False, choices=[("", "Any state"), *Status.choices])
    severity = forms.MultipleChoiceField(
        label="Severity",
        required=False,
        choices=[(str(level), f"P{level}") for level in range(5)],
        widget=forms.CheckboxSelectMultiple,
    )
    service = forms.ModelChoiceField(
        Service.objects.order_by("name"), required=False, to_field_name="slug", empty_label="Any service"
    )
    team = forms.ModelChoiceField(
        Team.objects.order_by("name"), required=False, to_field_name="slug", empty_label="Any team"
    )
    who = forms.ChoiceField(
        label="Whose",
        required=False,
        choices=[("", "Everybody’s"), ("me", "I take part"), ("teams", "My teams’")],
    )
    days = forms.ChoiceField(
        label="Detected",
        required=False,
        choices=[
            ("", "At any time"),
            ("1", "Last 24 hours"),
            ("7", "Last 7 days"),
            ("30", "Last 30 days"),
            ("90", "Last 90 days"),
            ("365", "Last year"),
        ],
    )
    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "Any kind"), *Kind.choices])
    order = forms.ChoiceField(
        label="Order", required=False, choices=[("", "Newest first"), ("urgent", "Most urgent first")]
    )

    def narrow(self, incidents: IncidentQuerySet, person: User, at: datetime) -> IncidentQuerySet:
        """Apply what is valid. A choice that makes no sense is shown as such and applied not at all."""
        self.is_valid()
        chosen = self.cleaned_data
        for name in ("status", "service", "kind"):
            if chosen.get(name):
                incidents = incidents.filter(**{name: chosen[name]})
        if chosen.get("severity"):
            incidents = incidents.filter(severity__in=chosen["severity"])
        if chosen.get("team"):
            incidents = incidents.filter(service__team=chosen["team"])
        if chosen.get("who") == "me":
            incidents = incidents.filter(pk__in=Participant.objects.filter(user=person).values("incident"))
        elif chosen.get("who") == "teams":
            incidents = incidents.filter(service__team__in=person.memberships.values("team"))
        if chosen.get("days"):
            incidents = incidents.filter(detected_at__gte=at - timedelta(days=int(chosen["days"])))
        if self.words:
            incidents = incidents.filter(search.matching(self.words))
        return incidents.by_urgency() if chosen.get("order") else incidents.order_by("-detected_at", "-pk")

    @property
    def words(self) -> str:
        """What is searched for; ask after ``is_valid``."""
        return str(self.cleaned_data.get("q", "")).strip()

    @property
    def more_is_chosen(self) -> bool:
        """One of the rarer choices is made."""
        return any(self.cleaned_data.get(name) for name in ("service", "team", "who", "days", "kind", "order"))


class SaveFilterForm(forms.Form):
    """A name for the choice made."""

    name = forms.CharField(label="Keep this choice as", max_length=40)


class MeForm(forms.ModelForm):
    """What a person may change about themselves."""

    class Meta:
        model = User
        fields = ["name", "time_zone", "theme", "single_keys"]
        help_texts = {"name": "Full name, as colleagues know it.", "time_zone": "For example Europe/Berlin."}
