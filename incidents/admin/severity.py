"""The severity contract, cell by cell, and what the words of monitoring systems mean."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from incidents.admin.configuration import ConfigurationAdmin
from incidents.admin.spans import in_words
from incidents.models import AlertLevel, AssessmentAnswer, DeadlineRule, Severity

CHANNEL_WORDS = ("voice", "sms", "chat", "email", "push", "webhook", "in_app", "sandbox")
PHASE_TARGETS = ("respond_target", "mitigate_target", "resolve_target", "postmortem_target")


class SeverityForm(forms.ModelForm):
    """A level's contract, held together: known channels, deadlines that can be computed, targets in order."""

    def clean_channels(self) -> list[str]:
        """Accept known ways alone, each once, in any letter case."""
        words = list(dict.fromkeys(word.strip().lower() for word in self.cleaned_data["channels"]))
        unknown = [word for word in words if word not in CHANNEL_WORDS]
        if unknown:
            raise ValidationError(
                f"Nothing can be sent by “{'”, “'.join(unknown)}”. Choose from: {', '.join(CHANNEL_WORDS)}."
            )
        return words

    def clean_examples(self) -> list[str]:
        """Drop the spaces around each."""
        return [example.strip() for example in self.cleaned_data["examples"] if example.strip()]

    def clean(self) -> dict[str, Any]:
        """Hold rules and spans, and the targets, against each other."""
        said = super().clean() or self.cleaned_data
        for rule, span in (("ack_rule", "ack_deadline"), ("respond_rule", "respond_by")):
            self._hold_together(said, rule, span)
        targets = [said[name] for name in PHASE_TARGETS[:3] if said.get(name) is not None]
        if targets != sorted(targets):
            self.add_error("resolve_target", "The phases follow one another: no target may lie before the one above.")
        return said

    def _hold_together(self, said: dict[str, Any], rule: str, span: str) -> None:
        if rule in self.errors or span in self.errors:
            return
        if said.get(rule) == DeadlineRule.SPAN and said.get(span) is None:
            self.add_error(span, "A fixed span is asked for above: write it, for example 0:15:00.")
        elif said.get(rule) != DeadlineRule.SPAN and said.get(span) is not None:
            self.add_error(span, "The rule above does not use a span. Clear it, or choose “A fixed span”.")


@admin.register(Severity)
class SeverityAdmin(ConfigurationAdmin):
    """The five levels: nothing is added, removed or put in another order; every other cell may be changed."""

    form = SeverityForm
    list_display = ["__str__", "impact_scope", "acknowledge_within", "channel_words", "urgency_base", "postmortem_rule"]
    list_filter = ["postmortem_rule"]
    search_fields = ["name", "impact_scope", "definition"]
    ordering = ["level"]
    readonly_fields = ["level"]
    fieldsets = [
        (
            None,
            {
                "fields": ["level", "name", "impact_scope", "definition", "examples"],
                "description": "What people read while they choose a level. The order of the levels is fixed.",
            },
        ),
        (
            "Users and urgency",
            {
                "fields": ["user_impact", "user_impact_percent", "urgency_base"],
                "description": "Urgency = base × (0.5 + share of users) + 15 on the revenue path − 15 with workaround.",
            },
        ),
        (
            "What is asked of responders, in words",
            {"fields": ["response_requirement", "response_time", "on_call_requirement", "responders"]},
        ),
        (
            "Obligations",
            {
                "fields": [
                    ("ack_rule", "ack_deadline"),
                    ("respond_rule", "respond_by"),
                    "commander_by",
                    "mitigate_by",
                    "update_every",
                    ("postmortem_rule", "postmortem_due"),
                ],
                "description": "Clocks of incidents that come under this level from now on; running ones stay.",
            },
        ),
        (
            "Paging",
            {
                "fields": [
                    "channels",
                    "escalate_unacked_after",
                    "acknowledgement_timeout",
                    "repeat_call_every",
                    "delivery_expires_after",
                ],
                "description": f"Channels are separated by commas: {', '.join(CHANNEL_WORDS)}. Who is paged when "
                "stands in the escalation policies.",
            },
        ),
        (
            "Targets of the phase bar",
            {
                "fields": list(PHASE_TARGETS),
                "description": "Counted from detection; a phase entered later is marked late.",
            },
        ),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: there are five."""
        return False

    @admin.display(description="Acknowledge within")
    def acknowledge_within(self, severity: Severity) -> str:
        """The deadline in words."""
        if severity.ack_rule == DeadlineRule.SPAN and severity.ack_deadline is not None:
            return in_words(severity.ack_deadline)
        return str(severity.get_ack_rule_display())

    @admin.display(description="Channels")
    def channel_words(self, severity: Severity) -> str:
        """The channels in their order."""
        return ", ".join(severity.channels)


@admin.register(AssessmentAnswer)
class AssessmentAnswerAdmin(ConfigurationAdmin):
    """The rules of the assessment: which level an answer speaks for, and the reason that is shown."""

    list_display = ["label", "question", "level", "shift", "because", "from_percent"]
    list_filter = ["question"]
    list_select_related = ["level"]
    search_fields = ["label", "because"]
    ordering = ["question", "place", "pk"]
    fields = ["question", "word", "place", "label", "level", "shift", "because", "from_percent"]


class AlertLevelForm(forms.ModelForm):
    """A word as it is compared: in small letters."""

    def clean_word(self) -> str:
        """Fold the letters."""
        word = str(self.cleaned_data["word"]).strip().lower()
        if not word:
            raise ValidationError("Write the word that the source uses.")
        return word


@admin.register(AlertLevel)
class AlertLevelAdmin(ConfigurationAdmin):
    """Which severity a source's own word means. Words may be removed: an unknown one names no level."""

    form = AlertLevelForm
    list_display = ["word", "severity"]
    list_filter = ["severity"]
    list_select_related = ["severity"]
    search_fields = ["word", "severity__name"]
    ordering = ["severity", "word", "pk"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow: nothing points to a word."""
        return True

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertLevel]:
        """Load the level with the word."""
        return super().get_queryset(request).select_related("severity")
