"""Who does what during an incident: tasks."""

from datetime import datetime

from django.db import transaction

from incidents import moves
from incidents.models import EntryKind, Incident, Task, User
from incidents.refusals import TransitionError


@transaction.atomic
def finish_task(incident: Incident, pk: int, *, by: User, at: datetime) -> Task:
    """Tick a task of the incident.

    Raises:
        TransitionError: it is done already, or there is no such task here.
    """
    locked = moves.lock(incident, None, at)
    task = Task.objects.filter(incident=locked, pk=pk).select_related("done_by").first()
    if task is None:
        raise TransitionError(f"{locked.ref} has no such task.")
    if task.done_at:
        raise TransitionError(f"{task.done_by} has done it already.")
    task.done_at, task.done_by = at, by
    task.save(update_fields=["done_at", "done_by"])
    moves.tell(locked, EntryKind.TASK, f"Done: {task.title}", by, at)
    moves.finish(locked, "task", at)
    return task
