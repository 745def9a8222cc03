"""The five questions about how bad it is, alone and as a part of other forms."""

from typing import Any

from django import forms

from incidents import questions
from incidents.forms.deeds import DeedForm
from incidents.models import Question


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
