"""What people fill in to write a postmortem. A refused form keeps what was typed."""

from collections.abc import Iterable

from django import forms

from incidents.models import Incident, TimelineEntry, User
from postmortems.actions import Ending, Plan
from postmortems.causes import Node
from postmortems.commenting import LONGEST_QUOTE, LONGEST_TEXT
from postmortems.models import (
    ActionItem,
    ActionKind,
    ActionStatus,
    Category,
    Confidence,
    Joined,
    Section,
    Term,
    Why,
)
from postmortems.tree import DEEPEST, SHALLOWEST
from postmortems.whys import Said

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


def _lines(label: str, help_text: str = "", *, required: bool = False, rows: int = 2) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=required, widget=forms.Textarea(attrs={"rows": rows})
    )


class WhyForm(forms.Form):
    """One answer of the five whys."""

    question = forms.CharField(label="Question", required=False, widget=forms.Textarea(attrs={"rows": 1}))
    answer = forms.CharField(
        label="Answer",
        widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}),
        help_text="What in the system made it so? One sentence; Markdown works.",
        error_messages={"required": "Write an answer, in one sentence if you can."},
    )
    confidence = forms.ChoiceField(
        label="How sure are you?", required=False, choices=[("", "Not said"), *Confidence.choices]
    )
    is_root_cause = forms.BooleanField(
        label="This is a root cause",
        required=False,
        help_text="Something that the organisation can change, so that this does not come back.",
    )
    category = forms.ChoiceField(
        label="What kind of system condition?", required=False, choices=[("", "Not said"), *Category.choices]
    )
    enough_because = _lines("Why is this deep enough?", "Asked where the asking ends before the wanted depth.")
    accepted_risk = _lines("Accepted risk, because …", "Only if nothing is to be done about this root cause.")
    joined = forms.ChoiceField(
        label="The answers below it caused it …", required=False, choices=[("", "Not said"), *Joined.choices]
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)

    def only(self, names: Iterable[str]) -> "WhyForm":
        """Ask for these alone."""
        for name in set(self.fields) - {*names, "version"}:
            del self.fields[name]
        return self

    def said(self, known: Said | None = None) -> Said:
        """What was said; what was not asked stays as it is known."""
        base = vars(known) if known else {"answer": ""}
        return Said(**{**base, **{name: value for name, value in self.cleaned_data.items() if name != "version"}})


class ParentsForm(forms.Form):
    """What an answer explains: one place in the tree, or several."""

    parents = forms.TypedMultipleChoiceField(
        label="It explains",
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        help_text="Choose several where one cause explains more than one thing.",
        error_messages={"required": "Choose what it explains; the symptom stands for the whole."},
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)

    def offer(self, nodes: Iterable[Node]) -> "ParentsForm":
        """Offer these answers, each with its depth."""
        field = self.fields["parents"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = [(node.why.pk, f"{node.depth} · {node.why}" if node.depth else str(node.why)) for node in nodes]
        return self


class EvidenceForm(forms.Form):
    """What an answer rests on."""

    entry = forms.ModelChoiceField(
        TimelineEntry.objects.none(), label="From the timeline", required=False, empty_label="Nothing"
    )
    url = forms.CharField(label="Or an address, such as a graph", required=False, max_length=500)
    label = forms.CharField(label="What it shows, in a few words", required=False, max_length=120)


class DepthForm(forms.Form):
    """How often “why?” is asked."""

    target_depth = forms.TypedChoiceField(
        label="Ask why",
        coerce=int,
        choices=[(number, f"{number} times") for number in range(SHALLOWEST, DEEPEST + 1)],
    )


class ActionForm(forms.Form):
    """An action item: what, who, until when, against which cause."""

    title = forms.CharField(
        label="What is to be done?",
        widget=forms.TextInput(attrs={"autofocus": True}),
        help_text="Begin with a verb and say what will be different: limit, alert, rehearse, remove.",
        error_messages={"required": "Say what is to be done. Begin with a verb: limit, alert, rehearse, remove."},
    )
    owner = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("name", "pk"),
        empty_label="Choose one person",
        error_messages={"required": "Name one person who owns it: what nobody owns is not done."},
    )
    due = forms.DateField(
        label="Done by",
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Empty = the deadline of the severity.",
    )
    kind = forms.ChoiceField(label="What is it good for?", choices=ActionKind.choices, initial=ActionKind.PREVENT)
    term = forms.ChoiceField(choices=Term.choices, initial=Term.MEDIUM)
    root_causes = forms.ModelMultipleChoiceField(
        Why.objects.none(), label="Root causes that it takes away", required=False, widget=forms.CheckboxSelectMultiple
    )
    detail = _lines("More about it", "Markdown.")
    status = forms.ChoiceField(choices=ActionStatus.choices, initial=ActionStatus.OPEN)
    verified_how = _lines(
        "How was it seen to work?", "Asked when it is done: a test, a rehearsal, a graph, an alarm that came."
    )
    dropped_because = _lines("Why is it not done?", "Asked when it is dropped.")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)

    NEW = ("title", "owner", "due", "kind", "term", "root_causes", "detail")

    def about(self, incident_id: int) -> "ActionForm":
        """Offer the root causes of this incident; without any, do not ask."""
        field = self.fields["root_causes"]
        roots = Why.objects.filter(postmortem__incident=incident_id, is_root_cause=True, removed_at=None).order_by("pk")
        field.queryset = roots  # type: ignore[attr-defined]
        return self

    def plan(self) -> Plan:
        """What is planned."""
        said = self.cleaned_data
        causes = tuple(why.pk for why in said["root_causes"])
        return Plan(said["title"], said["owner"], said["due"], said["kind"], said["term"], said["detail"], causes)

    def ending(self) -> Ending:
        """How far it is."""
        said = self.cleaned_data
        return Ending(said["status"], said["verified_how"], said["dropped_because"])


class FinishForm(forms.Form):
    """Close an action item."""

    verified_how = _lines(
        "How was it seen to work?", "A test, a rehearsal, a graph, an alarm that came.", required=True
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)


class ReviewersForm(forms.Form):
    """Who is to look at a postmortem."""

    reviewers = forms.ModelMultipleChoiceField(
        User.objects.filter(is_active=True).order_by("name", "pk"),
        widget=forms.CheckboxSelectMultiple,
        help_text="They are told. It can be published when each of them has approved.",
        error_messages={"required": "Name one person at least."},
    )


class CorrectForm(forms.Form):
    """A published section, and what was wrong in it."""

    text = forms.CharField(label="Text", strip=False, widget=forms.Textarea(attrs={"rows": 14}))
    reason = _lines("What was wrong?", "Readers see this with the date and your name.", required=True)
    base_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)


class CommentForm(forms.Form):
    """A new comment, and what it is about."""

    on = forms.ChoiceField(
        label="About", error_messages={"invalid_choice": "This is not there any more. Choose again."}
    )
    quote = forms.CharField(
        label="Which words?",
        required=False,
        max_length=LONGEST_QUOTE,
        help_text="Copy them, or mark them in the document before you press Comment.",
    )
    text = forms.CharField(
        label="Comment",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Markdown works. Whoever wrote it is told.",
        max_length=LONGEST_TEXT,
        error_messages={"required": "Write what you mean."},
    )
    blocking = forms.BooleanField(
        label="It blocks publishing", required=False, help_text="The postmortem waits until somebody resolves it."
    )

    def about(self, incident: Incident) -> "CommentForm":
        """Offer what can be commented on (3 queries)."""
        sections = Section.objects.filter(postmortem__incident=incident).order_by("position", "pk")
        whys = Why.objects.filter(postmortem__incident=incident, removed_at=None).order_by("pk")
        actions = ActionItem.objects.filter(incident=incident).order_by("pk")
        field = self.fields["on"]
        assert isinstance(field, forms.ChoiceField)
        groups = [
            ("Sections", [(f"section-{section.key}", section.get_key_display()) for section in sections]),
            ("Five whys", [(f"why-{why.pk}", str(why)) for why in whys]),
            ("Action items", [(f"action-{item.pk}", str(item)) for item in actions]),
        ]
        field.choices = [(name, options) for name, options in groups if options]
        if not groups[0][1]:  # nothing of it is ever published
            del self.fields["blocking"]
        return self


class ReplyForm(forms.Form):
    """An answer to a comment."""

    text = forms.CharField(
        label="Your answer", max_length=LONGEST_TEXT, error_messages={"required": "Write what you mean."}
    )


class SummaryForm(forms.Form):
    """What customers may read."""

    text = forms.CharField(
        label="For customers", strip=False, widget=forms.Textarea(attrs={"rows": 14}), help_text="Markdown."
    )
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)
