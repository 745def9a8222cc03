"""Tasks: exactly one owner, a time box whose end asks the giver, an outcome (R-06, I22). The only writer of tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from incidents import due, moves, timeline
from incidents.models import EntryKind, Incident, Notice, Role, RoleHolder, Task, User
from incidents.refusals import Invalid, TransitionError
from incidents.states import Status

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)  # of a time box
NOBODY = "A task needs exactly one owner. Choose who does it."


@dataclass(frozen=True)
class Wanted:
    """What somebody is to do. ``within`` is the time box, unscaled; ``role`` only where nobody can be named."""

    title: str
    owner: User | None = None
    role: str = ""
    within: timedelta | None = None
    follow_up: bool = False


@transaction.atomic
def hand_out(incident: Incident, wanted: Wanted, *, by: User, at: datetime) -> Task:
    """Give somebody a task; whoever gets it from another is told.

    Raises:
        Invalid: nobody, or not exactly one, is to do it; nothing is to be done; a time box that makes no sense.
        TransitionError: the incident is over for good.
    """
    locked = moves.lock(incident, None, at)
    _require_work(locked)
    title = wanted.title.strip()
    if not title or len(title) > 200:
        raise Invalid("title", "Say in at most 200 characters what is to be done.")
    if (wanted.owner is None) == (not wanted.role):
        raise Invalid("owner", NOBODY)
    task = Task(
        incident=locked, title=title, role=wanted.role, follow_up=wanted.follow_up, created_at=at, created_by=by
    )
    _box(locked, task, wanted.within, at)
    _own(locked, task, wanted.owner, at)
    task.save(force_insert=True)
    _tell_postmortem(locked, task, False, at)
    _tell_owner(locked, task, by, at)
    moves.tell(locked, EntryKind.TASK, f"Task for {task.whose}: {_ended(title)}{_until(task)}", by, at, data=_of(task))
    moves.keep(locked)
    return task


@transaction.atomic
def change(
    incident: Incident,
    pk: int,
    *,
    owner: User | None,
    within: timedelta | None,
    follow_up: bool,
    by: User,
    at: datetime,
) -> Task:
    """Give an open task to somebody else, give it a new time box from now, mark it for the postmortem.

    ``owner`` None = as it is; ``within`` None = the box stays. A task that is over can only be marked.

    Raises:
        Invalid: a person who cannot do it, a time box that makes no sense, a change to a task that is over.
        TransitionError: there is no such task, or the incident is over for good.
    """
    locked = moves.lock(incident, None, at)
    task = _task_of(locked, pk)
    told, given = [], owner is not None and owner.pk != task.owner_id
    if given:
        _require_open(task)
        _require_work(locked)
        _own(locked, task, owner, at)
        told.append(f"{owner} has it now")
    if within is not None:
        _require_open(task)
        _box(locked, task, within, at)
        told.append(f"until {task.due_at:%H:%M} UTC")
    was_marked = task.follow_up
    if follow_up != task.follow_up:
        task.follow_up = follow_up
        told.append("a follow-up for the postmortem" if follow_up else "no follow-up any more")
    if not told:
        return task
    task.save()
    _tell_postmortem(locked, task, was_marked, at)
    if given:
        _tell_owner(locked, task, by, at)
    moves.tell(locked, EntryKind.TASK, f"{task.title.rstrip('.')}: {', '.join(told)}.", by, at, data=_of(task))
    moves.keep(locked)
    return task


@transaction.atomic
def finish(
    incident: Incident,
    pk: int,
    *,
    by: User,
    at: datetime,
    outcome: str = "",
    dropped: bool = False,
    follow_up: bool | None = None,
) -> Task:
    """Tick a task, or give it up (``dropped``), with what came of it.

    Raises:
        Invalid: too long an outcome, or none for a task that is given up.
        TransitionError: it is over already, or there is no such task here.
    """
    locked = moves.lock(incident, None, at)
    task = _task_of(locked, pk)
    _require_open(task)
    outcome = outcome.strip()
    if len(outcome) > 300:
        raise Invalid("outcome", "Keep it to 300 characters; the timeline takes the rest.")
    if dropped and not outcome:
        raise Invalid("outcome", "Say why it is given up.")
    task.done_at, task.done_by, task.dropped, task.outcome = at, by, dropped, outcome
    was_marked = task.follow_up
    if follow_up is not None:
        task.follow_up = follow_up
    task.save()
    _tell_postmortem(locked, task, was_marked, at)
    more = f". {_ended(outcome)}" if outcome else ""
    verb = "Dropped" if dropped else "Done"
    moves.tell(locked, EntryKind.TASK, f"{verb}: {task.title.rstrip('.') if more else task.title}{more}", by, at)
    moves.keep(locked)
    return task


def of(incident: Incident, user: User | None = None) -> list[Task]:
    """The incident's tasks: the person's open ones first, then the others by the end of their box, then the rest."""
    rows = Task.objects.filter(incident=incident).select_related("owner", "created_by", "done_by")
    tasks = list(rows.order_by("done_at", "due_at", "created_at", "pk"))
    mine = user.pk if user else None
    return sorted(tasks, key=lambda task: (not task.is_open, task.is_open and task.owner_id != mine))


def follow_ups(incident: Incident) -> list[Task]:
    """What was marked for the postmortem, in the order in which it came up."""
    rows = Task.objects.filter(incident=incident, follow_up=True).select_related("owner", "done_by")
    return list(rows.order_by("created_at", "pk"))


def waiting(at: datetime) -> QuerySet[Task]:
    """Open tasks of open incidents whose box has ended and whose giver has not been asked."""
    rows = Task.objects.filter(done_at=None, prompted_at=None, due_at__lte=at, incident__status=Status.OPEN)
    return rows.order_by("due_at", "pk")


def prompt_due(at: datetime) -> due.Done:
    """Ask the giver of each task whose box has ended: the due source ``task_boxes``."""
    return due.do_set("task_boxes", waiting(at), _prompt, at)


@transaction.atomic
def _prompt(ids: Sequence[int], at: datetime) -> int:
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("severity")
    wanted = Task.objects.filter(pk__in=ids).values("incident")
    incidents = {row.pk: row for row in rows.filter(pk__in=wanted).order_by("pk")}
    found = list(waiting(at).filter(pk__in=ids, incident__in=incidents).select_related("owner", "created_by"))
    commanders = {
        row.incident_id: row.person
        for row in RoleHolder.objects.filter(incident__in=incidents, role=Role.COMMANDER, until=None).select_related(
            "person"
        )
    }
    lines, notices = [], []
    for task in found:
        incident = incidents[task.incident_id]
        task.prompted_at = at
        asked = _active(task.created_by) or _active(commanders.get(incident.pk)) or _active(task.owner)
        told = f" Asked: {asked}." if asked else ""
        text = f"The time box of “{task.title.rstrip('.')}” is over; {task.whose} has not said that it is done.{told}"
        lines.append(timeline.Line(incident, EntryKind.TASK, text, data=_of(task)))
        if asked:
            notices.append(_notice(incident, task, asked, "time is up", text, at))
    timeline.write(lines, at=at)
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    Task.objects.bulk_update(found, ["prompted_at"])
    Incident.objects.bulk_update({line.incident.pk: line.incident for line in lines}.values(), ["timeline_seq"])
    return len(found)


def _active(person: User | None) -> User | None:
    return person if person and person.is_active else None


def _notice(incident: Incident, task: Task, person: User, subject: str, text: str, at: datetime) -> Notice:
    return Notice(
        person=person,
        incident=incident,
        subject=f"{incident.ref}: {subject}"[:200],
        text=f"{incident.severity}: {incident.title}. {text}",
        path=incident.get_absolute_url(),
        channels=incident.severity.channels,
        due_at=at,
        dedupe_key=f"task:{task.pk}:{person.pk}:{incident.timeline_seq}:{subject[:20]}",
    )


def _own(incident: Incident, task: Task, owner: User | None, at: datetime) -> None:
    """Let somebody own the task in memory, and take part in the incident."""
    if owner is None:
        return
    if not owner.may_declare:
        raise Invalid("owner", f"{owner} cannot take a task: the account is inactive or only reads.")
    task.owner, task.role = owner, ""
    moves.take_part(incident, owner, why="added", at=at)


def _tell_postmortem(incident: Incident, task: Task, was_marked: bool, at: datetime) -> None:
    """Let the floor above add a new follow-up to a draft that is there already."""
    if task.follow_up and not was_marked:
        moves.run_hooks(incident, "follow_up", at)


def _tell_owner(incident: Incident, task: Task, by: User, at: datetime) -> None:
    """Tell the owner of the task, unless they gave it to themselves."""
    if task.owner and task.owner != by:
        text = f"{by} asks you: {_ended(task.title)}{_until(task)}"
        _notice(incident, task, task.owner, "a task for you", text, at).save()


def _box(incident: Incident, task: Task, within: timedelta | None, at: datetime) -> None:
    if within is None:
        return
    if not SHORTEST <= within <= LONGEST:
        raise Invalid("within", "Use between 1 minute and 7 days.")
    task.due_at, task.prompted_at = at + incident.scaled(within), None


def _task_of(incident: Incident, pk: int) -> Task:
    task = Task.objects.filter(incident=incident, pk=pk).select_related("owner", "created_by", "done_by").first()
    if task is None:
        raise TransitionError(f"{incident.ref} has no such task.")
    return task


def _require_open(task: Task) -> None:
    if not task.is_open:
        raise TransitionError(f"{task.done_by} has {'dropped' if task.dropped else 'done'} it already.")


def _require_work(incident: Incident) -> None:
    if incident.status not in {Status.OPEN, Status.RESOLVED}:
        raise TransitionError(f"{incident.ref} is {incident.get_status_display().lower()}: nothing is to be done here.")


def _until(task: Task) -> str:
    return f" Until {task.due_at:%H:%M} UTC." if task.due_at else ""


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _of(task: Task) -> dict[str, str]:
    return {"task": str(task.pk)}
