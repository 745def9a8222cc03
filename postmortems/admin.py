"""Postmortems to look at. They are written in forms, which keep every version and catch two writers at once."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from incidents import sealing
from incidents.admin.configuration import ConfigurationAdmin, signed_in
from incidents.admin.incident import OfIncidentAdmin
from incidents.admin.readonly import ReadOnlyInline
from postmortems import templating
from postmortems.models import (
    ActionDeadline,
    ActionItem,
    Comment,
    ExternalSummary,
    Postmortem,
    Review,
    Section,
    SectionKey,
    SectionRevision,
    Template,
    TemplateVersion,
    Tracker,
    Why,
    WordingRule,
)


class SectionInline(ReadOnlyInline):
    """The six sections as they stand."""

    model = Section
    columns = ("key", "text", "version", "edited_by", "edited_at")
    select = ("edited_by",)
    ordering = ["position", "pk"]


class ReviewInline(ReadOnlyInline):
    """What reviewers said."""

    model = Review
    columns = ("reviewer", "verdict", "note", "asked_by", "asked_at", "answered_at")
    select = ("reviewer", "asked_by")
    ordering = ["pk"]


@admin.register(Postmortem)
class PostmortemAdmin(OfIncidentAdmin):
    """What teams learned, with the date by which it is due."""

    list_display = ["incident", "status", "owner", "due_at", "created_at"]
    list_filter = ["status", "incident__severity", "incident__service__team"]
    list_select_related = ["incident", "owner"]
    search_fields = ["incident__title", "owner__name", "sections__text"]
    date_hierarchy = "due_at"
    inlines = [SectionInline, ReviewInline]


@admin.register(SectionRevision)
class SectionRevisionAdmin(OfIncidentAdmin):
    """Every text that was ever saved."""

    list_display = ["name", "version", "by", "at"]
    list_filter = ["section__key"]
    list_select_related = ["section__postmortem__incident", "by"]
    search_fields = ["text", "by__name", "section__postmortem__incident__title"]
    incident_field = "section__postmortem__incident__number"
    date_hierarchy = "at"
    fields = ["name", "version", "text", "by", "at"]

    @admin.display(description="Section")
    def name(self, revision: SectionRevision) -> str:
        """The section and its incident."""
        section = revision.section
        return f"{section.get_key_display()} of {section.postmortem.incident.ref}"


@admin.register(Why)
class WhyAdmin(OfIncidentAdmin):
    """The answers of the five whys, with what they explain."""

    list_display = ["__str__", "postmortem", "is_root_cause", "category", "confidence", "created_by", "created_at"]
    list_filter = ["is_root_cause", "category", "kind"]
    list_select_related = ["postmortem", "created_by"]
    search_fields = ["answer", "question", "postmortem__incident__title"]
    incident_field = "postmortem__incident__number"
    date_hierarchy = "created_at"


@admin.register(ActionItem)
class ActionItemAdmin(OfIncidentAdmin):
    """What is to be done, by whom, until when. Items are changed on their own page."""

    list_display = ["title", "incident", "owner", "due_date", "status", "kind", "term"]
    list_filter = ["status", "kind", "term", "origin", "incident__service__team"]
    list_select_related = ["incident", "owner"]
    search_fields = ["title", "detail", "owner__name", "incident__title"]
    date_hierarchy = "due_date"


@admin.register(Comment)
class CommentAdmin(OfIncidentAdmin):
    """What people said about postmortems and action items."""

    list_display = ["__str__", "incident", "by", "at", "is_blocking", "resolved_at"]
    list_filter = ["is_blocking", ("resolved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["incident", "by"]
    search_fields = ["text", "quote", "by__name", "incident__title"]
    date_hierarchy = "at"


@admin.register(ExternalSummary)
class ExternalSummaryAdmin(OfIncidentAdmin):
    """What customers may read."""

    list_display = ["postmortem", "edited_by", "edited_at", "version"]
    list_select_related = ["postmortem", "edited_by"]
    search_fields = ["text", "postmortem__incident__title"]
    incident_field = "postmortem__incident__number"
    date_hierarchy = "edited_at"


@admin.register(ActionDeadline)
class ActionDeadlineAdmin(ConfigurationAdmin):
    """How long action items of a level may take, and which levels make one by themselves: one row for each level."""

    list_display = ["severity", "days", "made_on_declare"]
    list_select_related = ["severity"]
    search_fields = ["severity__name"]
    ordering = ["severity"]
    readonly_fields = ["severity"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: each level has its row."""
        return False


@admin.register(WordingRule)
class WordingRuleAdmin(ConfigurationAdmin):
    """What the language check looks for, and what it suggests to ask instead. It advises and never blocks."""

    list_display = ["name", "kind", "finding", "question", "is_active"]
    list_filter = ["kind", "is_active"]
    search_fields = ["name", "phrases", "question"]
    ordering = ["name", "pk"]


class TrackerForm(forms.ModelForm):
    """A tracker; its token is taken in, never shown."""

    token = forms.CharField(
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
        help_text="Kept encrypted and never shown. Empty = the one that is kept stays.",
    )

    class Meta:
        model = Tracker
        fields = ["name", "kind", "base_url", "project", "account", "team", "is_active"]

    def save(self, commit: bool = True) -> Any:
        """Seal the token."""
        if token := self.cleaned_data["token"].strip():
            self.instance.sealed = sealing.seal(token)
        return super().save(commit)


@admin.register(Tracker)
class TrackerAdmin(ConfigurationAdmin):
    """Where action items become issues. Only administrators come here; items of private incidents go nowhere."""

    form = TrackerForm
    list_display = ["name", "kind", "project", "team", "is_active"]
    list_filter = ["kind", "is_active"]
    list_select_related = ["team"]
    search_fields = ["name", "project"]
    ordering = ["name"]
    fields = ["name", "kind", "base_url", "project", "account", "token", "team", "is_active"]


PARTS = {"question": "What it asks", "hints": "Hints", "required": "Required", "start": "Text to begin with"}


class TemplateForm(forms.ModelForm):
    """A template with what each of the six sections asks."""

    class Meta:
        model = Template
        fields = ["name", "severity", "kind", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = self.instance.versions.order_by("-number").first() if self.instance.pk else None
        for key, said in (last.sections if last else templating.built_in()).items():
            self.initial.update({f"{key}_{part}": said[part] for part in ("question", "required", "start")})
            self.initial[f"{key}_hints"] = "\n".join(said["hints"])

    def sections(self) -> templating.Sections:
        """What was written, by section."""
        said = self.cleaned_data
        return {
            key.value: {
                "question": said[f"{key.value}_question"].strip(),
                "hints": [line.strip() for line in said[f"{key.value}_hints"].splitlines() if line.strip()],
                "required": said[f"{key.value}_required"],
                "start": said[f"{key.value}_start"].strip(),
            }
            for key in SectionKey
        }

    def clean(self) -> dict[str, Any]:
        """Ask what and how, never for a culprit (R-72)."""
        said = super().clean() or self.cleaned_data
        for key in SectionKey:
            for part in ("question", "hints"):
                if found := templating.ASKS_WHO.search(str(said.get(f"{key.value}_{part}", ""))):
                    self.add_error(f"{key.value}_{part}", ValidationError(f"Ask what and how, never “{found[0]}”."))
        return said


def _field(part: str) -> forms.Field:
    if part == "required":
        return forms.BooleanField(label=PARTS[part], required=False)
    needed = part == "question"
    help_text = {"hints": "One a line.", "start": "Markdown; empty = the section begins empty."}.get(part, "")
    area = forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"})
    return forms.CharField(label=PARTS[part], required=needed, widget=area, help_text=help_text, strip=False)


ASKED = {f"{key.value}_{part}": _field(part) for key in SectionKey for part in PARTS}
TemplateForm.declared_fields |= ASKED
TemplateForm.base_fields |= ASKED
OF_SECTIONS: list[Any] = [(key.label, {"fields": [f"{key.value}_{part}" for part in PARTS]}) for key in SectionKey]


class VersionInline(ReadOnlyInline):
    """The versions that documents hold on to."""

    model = TemplateVersion
    columns = ("number", "made_by", "made_at")
    select = ("made_by",)
    ordering = ["-number", "pk"]


@admin.register(Template)
class TemplateAdmin(ConfigurationAdmin):
    """What the sections of new postmortems ask. Saving makes a version; documents under way keep theirs."""

    form = TemplateForm
    list_display = ["name", "severity", "kind", "is_active"]
    list_filter = ["severity", "kind", "is_active"]
    list_select_related = ["severity"]
    search_fields = ["name"]
    ordering = ["name", "pk"]
    inlines = [VersionInline]
    fieldsets = [(None, {"fields": ["name", "severity", "kind", "is_active"]}), *OF_SECTIONS]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Make the version through the deed."""
        super().save_related(request, form, formsets, change)
        templating.revise(form.instance, form.sections(), by=signed_in(request), at=timezone.now())
