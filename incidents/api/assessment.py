"""The assessment: its questions and rules, what answers speak for, a live incident assessed anew, a slip undone."""

from typing import Annotated

from ninja import Router
from pydantic import BaseModel, Field

from incidents import assessing, grading, questions, visibility
from incidents.api import doors
from incidents.api.bodies import Body, Label, Moment, OneOf
from incidents.api.deeds import Deed
from incidents.api.doors import ApiRequest
from incidents.api.incidents import IncidentShape, fresh
from incidents.api.lists import Listing, whole
from incidents.models import AssessmentAnswer, Question, SeverityProposal

router = Router(tags=["severity"])

Answers = Annotated[dict[str, str], Field(max_length=5)]


class AnswerShape(BaseModel):
    """One possible answer and what it speaks for."""

    question: Annotated[str, OneOf(Question)]
    word: str
    label: str
    severity: Label | None
    shift: int
    because: str


class Given(Body):
    """Answers: question -> word."""

    answers: Answers


class SuggestionShape(BaseModel):
    """The level that answers speak for; null = none."""

    severity: Label | None
    because: str


class Assessment(Deed):
    """Answers about a live incident."""

    answers: Answers


class ProposalShape(BaseModel):
    """A level that waits for a person's decision; accept it with POST /severity and a reason."""

    severity: Label
    because: str
    at: Moment
    settled_at: Moment | None


def answer_shape(row: AssessmentAnswer) -> AnswerShape:
    """An answer as the API shows it."""
    copied = ("question", "word", "label", "shift", "because")
    severity = None if row.level_id is None else f"P{row.level_id}"
    return AnswerShape(severity=severity, **{name: getattr(row, name) for name in copied})


@router.get("/assessment", response=Listing[AnswerShape], summary="Read the five questions and their answers")
def list_answers(request: ApiRequest) -> Listing[AnswerShape]:
    """Administrators edit them in the admin site."""
    return whole([answer_shape(row) for row in questions.all_answers()])


@router.post("/assessment", response=SuggestionShape, summary="Ask which level answers speak for")
def suggest(request: ApiRequest, said: Given) -> SuggestionShape:
    """Nothing is stored."""
    found = questions.suggest(said.answers)
    return SuggestionShape(severity=found.severity.label if found else None, because=found.because if found else "")


@router.post("/incidents/{int:number}/assessment", response=IncidentShape, summary="Assess a live incident anew")
def assess(request: ApiRequest, number: int, said: Assessment) -> IncidentShape:
    """What the answers speak for becomes a proposal; the severity stays until a person changes it."""
    incident = doors.incident_to_act_on(request, number)
    assessing.answer(incident, said.answers, by=request.user, at=request.at, version=said.version)
    return fresh(request, number)


@router.get("/incidents/{int:number}/proposals", response=Listing[ProposalShape], summary="Read proposed severities")
def list_proposals(request: ApiRequest, number: int) -> Listing[ProposalShape]:
    """The oldest first; the one without settled_at waits."""
    incident = visibility.incident_for(request.user, number)
    rows = SeverityProposal.objects.filter(incident=incident).order_by("pk")
    return whole(
        [
            ProposalShape(severity=f"P{row.severity_id}", because=row.because, at=row.at, settled_at=row.settled_at)
            for row in rows
        ]
    )


@router.post("/incidents/{int:number}/severity/undo", response=IncidentShape, summary="Undo the change of severity")
def undo_severity(request: ApiRequest, number: int) -> IncidentShape:
    """For 60 seconds; the timeline keeps both changes."""
    grading.undo_severity(doors.incident_to_act_on(request, number), by=request.user, at=request.at)
    return fresh(request, number)
