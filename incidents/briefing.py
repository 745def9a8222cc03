"""What somebody who takes over must know, written from the incident's own rows as Markdown. Reads only."""

from datetime import datetime

from incidents.models import Clock, EntryKind, Incident, Role, RoleCard, RoleHolder, Task, TimelineEntry
from incidents.states import ClockState

LAST = 3  # decisions and actions that are told


def write(incident: Incident, role: Role, at: datetime) -> str:
    """The briefing for a role at this moment: what happens, who does what, what is owed, what was decided."""
    parts = [
        f"**{incident.ref} {incident.title}**, {incident.severity} on {incident.service}, "
        f"since {incident.detected_at:%H:%M} UTC. Phase: {incident.get_phase_display()}.",
        incident.summary.strip() or "Nobody has written a summary yet.",
        f"Users hit: {_percent(incident)}. Workaround: {incident.workaround or 'none known'}.",
        _roles(incident),
        _list("Owed next", _owed(incident)),
        _list("Open tasks", [_task(task) for task in _open_tasks(incident)]),
        _list("Decided and done", _told(incident)),
        _duties(role),
    ]
    if incident.mitigation:
        parts.insert(2, f"Stopped by: {incident.mitigation}.")
    if incident.bridge:
        parts.append(f"People talk at {incident.bridge}.")
    return "\n\n".join(part for part in parts if part)


def _percent(incident: Incident) -> str:
    return f"about {incident.percent} % (estimated)" if incident.affected_percent is None else f"{incident.percent} %"


def _roles(incident: Incident) -> str:
    rows = RoleHolder.objects.filter(incident=incident, until=None).select_related("person").order_by("since", "pk")
    return "Roles: " + (", ".join(f"{Role(row.role).label} {row.person}" for row in rows) or "none taken") + "."


def _owed(incident: Incident) -> list[str]:
    rows = Clock.objects.filter(incident=incident, state__in=[ClockState.RUNNING, ClockState.BREACHED], met_at=None)
    return [
        f"{clock.get_rule_display()} by {clock.due_at:%H:%M} UTC"
        + (", late" if clock.state == ClockState.BREACHED else "")
        for clock in rows.order_by("due_at", "pk")
    ]


def _open_tasks(incident: Incident) -> list[Task]:
    rows = Task.objects.filter(incident=incident, done_at=None).select_related("owner")
    return list(rows.order_by("due_at", "created_at", "pk"))


def _task(task: Task) -> str:
    until = f", until {task.due_at:%H:%M} UTC" if task.due_at else ""
    return f"{task.title} ({task.owner or task.get_role_display()}{until})"


def _told(incident: Incident) -> list[str]:
    kinds = [EntryKind.DECISION, EntryKind.ACTION]
    rows = TimelineEntry.objects.filter(incident=incident, kind__in=kinds).order_by("-occurred_at", "-seq")[:LAST]
    return [f"{entry.occurred_at:%H:%M} {entry.kind_label}: {entry.text[:200]}" for entry in reversed(rows)]


def _duties(role: Role) -> str:
    card = RoleCard.objects.filter(role=role).first()
    return _list(f"As {card.name} you", card.duties) if card else ""


def _list(head: str, lines: list[str]) -> str:
    return f"{head}:\n\n" + "\n".join(f"- {line}" for line in lines) if lines else ""
