"""From the draft to the readers: what is missing, who reviews, publish."""

from typing import Annotated

from ninja import Router
from pydantic import BaseModel, Field

from incidents.api.bodies import Body, Email, Moment, OneOf, Text, person
from incidents.api.doors import ApiRequest
from postmortems import outreach, publishing
from postmortems.api.doors import postmortem, postmortem_to_write
from postmortems.causes import Causes
from postmortems.models import DocumentStatus, ExternalSummary, Postmortem, Review, Verdict

router = Router(tags=["postmortems"])


class ReviewShape(BaseModel):
    """What one reviewer says."""

    reviewer: str
    verdict: Annotated[str, OneOf(Verdict)]
    note: str
    asked_at: Moment
    answered_at: Moment | None


class PublicationShape(BaseModel):
    """How far a postmortem is from its readers."""

    postmortem: int = Field(description="The number of the incident.")
    status: Annotated[str, OneOf(DocumentStatus)]
    owner: str | None
    due_at: Moment
    published_at: Moment | None
    missing: list[str] = Field(description="Everything that stands between it and its readers; empty once published.")
    open_hints: int = Field(description="Wording hints; they never block.")
    reviews: list[ReviewShape]


class Reviewers(Body):
    """Who is to look at it."""

    reviewers: Annotated[list[Email], Field(min_length=1, max_length=publishing.MOST_REVIEWERS)]


class NewSummary(Body):
    """What customers may read."""

    text: str = Field(min_length=1, max_length=outreach.LONGEST, description="Markdown.")
    version: int = Field(ge=0, description="The one from which the writing began; 0 = there was none.")


class SummaryShape(BaseModel):
    """What customers may read."""

    text: str
    version: int
    edited_at: Moment | None


class Answer(Body):
    """What a reviewer says."""

    verdict: Annotated[str, OneOf(Verdict)]
    note: Text = Field(default="", description="Needed where changes are asked for.")


def publication_shape(document: Postmortem) -> PublicationShape:
    """How far the postmortem is; its incident is loaded."""
    causes, published = Causes(document), document.status == DocumentStatus.PUBLISHED
    reviews = Review.objects.filter(postmortem=document).select_related("reviewer").order_by("pk")
    hints = document.open_hints if published else publishing.count_hints(document, causes)
    return PublicationShape(
        postmortem=document.incident.number,
        status=document.status,
        owner=document.owner.email if document.owner else None,
        due_at=document.due_at,
        published_at=document.published_at,
        missing=[] if published else [one.words for one in publishing.missing_of(document, causes)],
        open_hints=hints or 0,
        reviews=[
            ReviewShape(
                reviewer=review.reviewer.email,
                verdict=review.verdict,
                note=review.note,
                asked_at=review.asked_at,
                answered_at=review.answered_at,
            )
            for review in reviews
        ],
    )


@router.get("/postmortems/{int:number}/publication", response=PublicationShape, summary="What is missing")
def get_publication(request: ApiRequest, number: int) -> PublicationShape:
    """Everything at once."""
    return publication_shape(postmortem(request, number))


@router.post("/postmortems/{int:number}/review", response=PublicationShape, summary="Ask for a review")
def ask_review(request: ApiRequest, number: int, said: Reviewers) -> PublicationShape:
    """They are told; it is published when each of them has approved."""
    document = postmortem_to_write(request, number)
    people = [person(email, f"reviewers.{place}") for place, email in enumerate(said.reviewers)]
    publishing.ask_review(document, people, by=request.user, at=request.at)
    return get_publication(request, number)


@router.post("/postmortems/{int:number}/review/answer", response=PublicationShape, summary="Answer as a reviewer")
def answer_review(request: ApiRequest, number: int, said: Answer) -> PublicationShape:
    """Approve it, or ask for changes and say which."""
    document = postmortem_to_write(request, number)
    publishing.answer(document, verdict=said.verdict, note=said.note, by=request.user, at=request.at)
    return get_publication(request, number)


@router.get("/postmortems/{int:number}/external-summary", response=SummaryShape, summary="The summary for customers")
def get_summary(request: ApiRequest, number: int) -> SummaryShape:
    """Version 0: nobody has written it yet, and the text is a first one from what is on record."""
    document = postmortem(request, number)
    known = ExternalSummary.objects.filter(postmortem=document).first()
    if known is None:
        return SummaryShape(text=outreach.suggest(document), version=0, edited_at=None)
    return SummaryShape(text=known.text, version=known.version, edited_at=known.edited_at)


@router.put("/postmortems/{int:number}/external-summary", response=SummaryShape, summary="Write it")
def put_summary(request: ApiRequest, number: int, said: NewSummary) -> SummaryShape:
    """409 when somebody else saved since ``version``. Nothing is sent by itself."""
    document = postmortem_to_write(request, number)
    outreach.save(document, text=said.text, version=said.version, by=request.user, at=request.at)
    return get_summary(request, number)


@router.post("/postmortems/{int:number}/publish", response=PublicationShape, summary="Publish")
def publish_postmortem(request: ApiRequest, number: int) -> PublicationShape:
    """409 while something is missing; the text names all of it."""
    publishing.publish(postmortem_to_write(request, number), by=request.user, at=request.at)
    return get_publication(request, number)
