"""Tasks: give one, read them, pass one on, end one."""

from datetime import timedelta
from typing import Annotated

from ninja import Router, Status
from pydantic import BaseModel, Field

from incidents import assigning, visibility
from incidents.api import bodies, doors
from incidents.api.bodies import Body, Email, Moment, OneLine, OneOf, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, whole
from incidents.models import Incident, Role, Task
from incidents.refusals import Invalid, TransitionError

router = Router(tags=["tasks"])

Within = Annotated[int, Field(ge=60, le=7 * 24 * 3600)]
Outcome = Annotated[Text, Field(max_length=300)]


class NewTask(Body):
    """What somebody is to do. Exactly one of ``owner`` and ``role``."""

    title: Annotated[OneLine, Field(max_length=200)]
    owner: Email | None = None
    role: Annotated[str, OneOf(Role)] | None = Field(default=None, description="Where nobody can be named.")
    within: Within | None = Field(default=None, description="Seconds; when they end, who gave the task is asked.")
    follow_up: bool = Field(default=False, description="Belongs into the postmortem.")


class TaskChange(Body):
    """What is to be different; null = as it is."""

    owner: Email | None = None
    within: Within | None = Field(default=None, description="Seconds from now.")
    follow_up: bool | None = None


class TaskEnd(Body):
    """What came of it."""

    outcome: Outcome = Field(default="", description="To drop a task, say why.")
    follow_up: bool | None = None


class TaskShape(BaseModel):
    """A task of an incident."""

    id: int
    title: str
    owner: str | None = Field(description="E-mail address; null = whoever holds the role.")
    role: str
    state: str = Field(description="open, done or dropped.")
    created_at: Moment
    created_by: str | None = Field(description="null = the escalation.")
    due_at: Moment | None = Field(description="The end of its time box.")
    prompted_at: Moment | None = Field(description="When whoever gave it was asked, because the box had ended.")
    done_at: Moment | None
    done_by: str | None
    outcome: str
    follow_up: bool


ENDED = TaskEnd()


def task_shape(task: Task) -> TaskShape:
    """A task as the API shows it; its people are loaded."""
    copied = ("title", "role", "created_at", "due_at", "prompted_at", "done_at", "outcome", "follow_up")
    return TaskShape(
        id=task.pk,
        owner=task.owner.email if task.owner else None,
        state="open" if task.is_open else "dropped" if task.dropped else "done",
        created_by=task.created_by.email if task.created_by else None,
        done_by=task.done_by.email if task.done_by else None,
        **{name: getattr(task, name) for name in copied},
    )


def _of(incident: Incident, pk: int) -> Task:
    rows = Task.objects.filter(incident=incident).select_related("owner", "created_by", "done_by")
    return rows.get(pk=pk)


@router.get("/incidents/{int:number}/tasks", response=Listing[TaskShape], summary="Read the tasks")
def list_tasks(request: ApiRequest, number: int) -> Listing[TaskShape]:
    """Your open ones first, then the others by the end of their box, then what is over."""
    incident = visibility.incident_for(request.user, number)
    return whole([task_shape(task) for task in assigning.of(incident, request.user)])


@router.post("/incidents/{int:number}/tasks", response={201: TaskShape}, summary="Give a task")
def hand_out_task(request: ApiRequest, number: int, said: NewTask) -> Status[TaskShape]:
    """To exactly one person, who is told."""
    incident = doors.incident_to_act_on(request, number)
    wanted = assigning.Wanted(
        said.title,
        owner=bodies.person(said.owner, "owner") if said.owner else None,
        role=said.role or "",
        within=_span(said.within),
        follow_up=said.follow_up,
    )
    return Status(201, task_shape(assigning.hand_out(incident, wanted, by=request.user, at=request.at)))


@router.get("/incidents/{int:number}/tasks/{int:task}", response=TaskShape, summary="Read one task")
def get_task(request: ApiRequest, number: int, task: int) -> TaskShape:
    """By its id."""
    return task_shape(_of(visibility.incident_for(request.user, number), task))


@router.patch("/incidents/{int:number}/tasks/{int:task}", response=TaskShape, summary="Pass a task on")
def change_task(request: ApiRequest, number: int, task: int, said: TaskChange) -> TaskShape:
    """To somebody else, with more time, or marked for the postmortem."""
    incident = doors.incident_to_act_on(request, number)
    row = _of(incident, task)
    changed = assigning.change(
        incident,
        row.pk,
        owner=bodies.person(said.owner, "owner") if said.owner else None,
        within=_span(said.within),
        follow_up=row.follow_up if said.follow_up is None else said.follow_up,
        by=request.user,
        at=request.at,
    )
    return task_shape(changed)


@router.post("/incidents/{int:number}/tasks/{int:task}/{ending}", response=TaskShape, summary="End a task")
def end_task(request: ApiRequest, number: int, task: int, ending: str, said: TaskEnd = ENDED) -> TaskShape:
    """``done``, or ``drop`` with the reason."""
    incident = doors.incident_to_act_on(request, number)
    if ending not in {"done", "drop"}:
        raise Invalid("ending", "End a task with done or drop.")
    row = _of(incident, task)
    if not row.is_open:
        raise TransitionError(f"{row.done_by} has ended it already.")
    dropped = ending == "drop"
    ended = assigning.finish(
        incident,
        row.pk,
        by=request.user,
        at=request.at,
        outcome=said.outcome,
        dropped=dropped,
        follow_up=said.follow_up,
    )
    return task_shape(ended)


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
