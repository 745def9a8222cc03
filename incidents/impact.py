"""Who is hurt by an incident, and what they can do meanwhile. Changes the urgency, never the severity."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from incidents import assessing, clocks, moves
from incidents.models import EntryKind, Incident, Service, User


@transaction.atomic
def edit(
    incident: Incident,
    *,
    by: User,
    at: datetime,
    affected_percent: int | None,
    workaround: str,
    affected_services: Iterable[Service],
    summary: str,
    version: int | None = None,
) -> Incident:
    """Record the impact as it is known now; what changed goes to the timeline, old and new.

    Raises:
        StaleVersion: the incident changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    old_services = {service.pk: service.name for service in locked.affected_services.all()}
    new_services = {service.pk: service.name for service in affected_services if service.pk != locked.service_id}
    told = [
        _change("users affected", _percent(locked.affected_percent), _percent(affected_percent)),
        _change("workaround", locked.workaround or "none", workaround.strip() or "none"),
        _change("other services", _names(old_services), _names(new_services)),
    ]
    percent_before, workaround_before = locked.affected_percent, locked.workaround
    locked.affected_percent, locked.workaround = affected_percent, workaround.strip()
    locked.affected_services.set(new_services)
    locked.refresh_urgency()
    changes = "; ".join(change for change in told if change)
    if changes:
        moves.tell(locked, EntryKind.IMPACT, f"Impact: {changes}.", by, at)
    assessing.follow_impact(locked, percent_before=percent_before, workaround_before=workaround_before, at=at)
    if summary.strip() != locked.summary:
        locked.summary = summary.strip()
        moves.tell(locked, EntryKind.UPDATE, locked.summary or "The summary was emptied.", by, at)
        if locked.summary:
            clocks.updated(locked, at)
    return moves.finish(locked, "impact", at)


def _change(what: str, old: str, new: str) -> str:
    return "" if old == new else f"{what} {old} → {new}"


def _percent(value: int | None) -> str:
    return "unknown" if value is None else f"{value} %"


def _names(services: dict[int, str]) -> str:
    return ", ".join(sorted(services.values())) or "none"
