"""Comments on sections, answers of the five whys and action items: threads that are resolved."""

from typing import Annotated

from ninja import Router, Status
from pydantic import BaseModel, Field

from incidents import visibility
from incidents.api import doors
from incidents.api.bodies import Body, Moment
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, whole
from incidents.models import Incident, Scope
from incidents.refusals import Invalid
from postmortems import commenting
from postmortems.commenting import LONGEST_QUOTE, LONGEST_TEXT, Thread
from postmortems.models import Comment

router = Router(tags=["postmortems"])

Words = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, description="Markdown.")]


class NewComment(Body):
    """A thread about one thing."""

    on: str = Field(description="section-KEY, why-ID or action-ID.", max_length=40)
    text: Words
    quote: str = Field(default="", max_length=LONGEST_QUOTE, description="The words that it is about.")
    blocking: bool = Field(default=False, description="The postmortem is not published before it is resolved.")


class NewReply(Body):
    """An answer in a thread."""

    text: Words


class ReplyShape(BaseModel):
    """An answer."""

    id: int
    text: str
    by: str
    at: Moment


class ThreadShape(BaseModel):
    """A comment with its answers."""

    id: int
    on: str
    text: str
    quote: str
    blocking: bool
    by: str
    at: Moment
    resolved_by: str | None
    resolved_at: Moment | None
    replies: list[ReplyShape]


def thread_shape(thread: Thread) -> ThreadShape:
    """A thread as the API shows it."""
    first = thread.first
    return ThreadShape(
        id=first.pk,
        on=thread.key,
        text=first.text,
        quote=first.quote,
        blocking=first.is_blocking,
        by=first.by.email,
        at=first.at,
        resolved_by=first.resolved_by.email if first.resolved_by else None,
        resolved_at=first.resolved_at,
        replies=[ReplyShape(id=one.pk, text=one.text, by=one.by.email, at=one.at) for one in thread.replies],
    )


@router.get("/postmortems/{int:number}/comments", response=Listing[ThreadShape], summary="List the comments")
def list_comments(request: ApiRequest, number: int) -> Listing[ThreadShape]:
    """Every thread about the incident's postmortem and action items, open ones first."""
    incident = visibility.incident_for(request.user, number)
    return whole([thread_shape(thread) for thread in commenting.threads_of(incident)])


@router.post("/postmortems/{int:number}/comments", response={201: ThreadShape}, summary="Comment")
def create_comment(request: ApiRequest, number: int, said: NewComment) -> Status[ThreadShape]:
    """Whoever wrote what it is about is told."""
    doors.require_scope(request, Scope.WRITE)
    incident = visibility.incident_to_act_on(request.user, number)
    about = commenting.subject(incident, said.on)
    if about is None:
        raise Invalid("on", "There is no such section, answer or action item here.")
    words = {"text": said.text, "quote": said.quote, "is_blocking": said.blocking}
    return Status(201, _shape(commenting.begin(incident, about, by=request.user, at=request.at, **words)))  # type: ignore[arg-type]


@router.post("/comments/{int:pk}/replies", response={201: ThreadShape}, summary="Answer a comment")
def create_reply(request: ApiRequest, pk: int, said: NewReply) -> Status[ThreadShape]:
    """Everybody who wrote in the thread is told; a resolved thread is open again."""
    answer = commenting.reply(_comment(request, pk), text=said.text, by=request.user, at=request.at)
    return Status(201, _shape(answer))


@router.post("/comments/{int:pk}/resolve", response=ThreadShape, summary="Resolve a comment")
def resolve_comment(request: ApiRequest, pk: int) -> ThreadShape:
    """It is done with, and blocks nothing any more."""
    return _shape(commenting.resolve(_comment(request, pk), by=request.user, at=request.at))


@router.post("/comments/{int:pk}/reopen", response=ThreadShape, summary="Open a comment again")
def reopen_comment(request: ApiRequest, pk: int) -> ThreadShape:
    """It is not done with after all."""
    return _shape(commenting.reopen(_comment(request, pk)))


def _comment(request: ApiRequest, pk: int) -> Comment:
    doors.require_scope(request, Scope.WRITE)
    comment = Comment.objects.get(pk=pk, incident__in=Incident.objects.visible_to(request.user))
    visibility.require_responder(request.user)
    return comment


def _shape(comment: Comment) -> ThreadShape:
    """The whole thread of a comment, as it is now (1 query)."""
    threads = commenting.threads_of(comment.incident)
    wanted = comment.thread_id or comment.pk
    return thread_shape(next(thread for thread in threads if thread.first.pk == wanted))
