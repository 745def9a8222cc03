"""Warn managers of the holes ahead: when found, 7 days and 24 hours before, and daily while one lasts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from incidents import due
from incidents.models import Notice
from oncall import holes, rights
from oncall.models import CoverageCheck, HoleWarning

EVERY = timedelta(days=1)
LEASE = timedelta(minutes=2)  # a check that takes longer is begun anew
STAGES = (("now", timedelta(0)), ("day", timedelta(hours=24)), ("week", timedelta(days=7)))
FOUND = "found"
SHOWN = 8  # holes that one notice lists
BELL = due.Bell("oncall.tasks.check_coverage", "bulk")
Key = tuple[int, datetime, str]


def ring_due(at: datetime) -> due.Done:
    """Ring for the check when its time has come: the due source ``coverage``. The tick itself does not wait for it."""
    claimed = waiting(at).update(due_at=at + LEASE)
    return due.Done(rows=claimed, bells={BELL}) if claimed else due.Done()


def waiting(at: datetime) -> QuerySet[CoverageCheck]:
    """The one check, when it is due."""
    return CoverageCheck.objects.filter(due_at__lt=at)


def check(at: datetime) -> int:
    """Look for holes and tell the managers what they do not know yet; return how many notices that made."""
    return _tell(holes.report(at), at)


@transaction.atomic
def _tell(report: holes.Report, at: datetime) -> int:
    """Write the notices, once for each hole and stage however many checks run at once."""
    row = CoverageCheck.objects.select_for_update(no_key=True).get(pk=1)
    found = report.holes()
    news: dict[int, list[holes.Hole]] = defaultdict(list)
    teams = {hole.team.pk for hole in found}
    known = set(HoleWarning.objects.filter(team__in=teams).values_list("team", "start", "stage"))
    for hole in found:
        if _key(hole, at) not in known:
            news[hole.team.pk].append(hole)
    keys = {_key(hole, at) for own in news.values() for hole in own}
    fresh = [HoleWarning(team_id=team, start=start, stage=stage, warned_at=at) for team, start, stage in keys]
    HoleWarning.objects.bulk_create(fresh, ignore_conflicts=True)
    row.due_at, row.checked_at = _next(found, at), at
    row.save(update_fields=["due_at", "checked_at"])
    notices = list(_notices(news, at))
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    if notices:
        due.ring_on_commit()
    return len(notices)


def _key(hole: holes.Hole, at: datetime) -> Key:
    """What is told of the hole at this moment; one that runs is told of once a day."""
    stage = next((name for name, before in STAGES if hole.start - at <= before), FOUND)
    start = at.replace(hour=0, minute=0, second=0, microsecond=0) if stage == "now" else hole.start
    return hole.team.pk, start, stage


def _next(found: Iterable[holes.Hole], at: datetime) -> datetime:
    """The next check: daily, and as each hole comes to its next stage."""
    stages = (hole.start - before for hole in found for _, before in STAGES)
    return min([at + EVERY, *(moment for moment in stages if moment > at)])


def _notices(news: dict[int, list[holes.Hole]], at: datetime) -> Iterable[Notice]:
    """One notice for each person who looks after a team, whatever the number of holes."""
    managers = rights.managers_of(news)
    for team, own in news.items():
        for person in managers[team]:
            yield Notice(
                person=person,
                subject=_subject(own, at)[:200],
                text="\n".join(_lines(own)),
                path=f"/on-call/coverage/?team={own[0].team.slug}",
                due_at=at,
                dedupe_key=f"holes:{team}:{at.isoformat()}:{person.pk}",
            )


def _subject(own: Sequence[holes.Hole], at: datetime) -> str:
    first = own[0]
    if first.start <= at:
        return f"Nobody is reached now: {first.paths}"
    return f"Nobody is reached from {first.start:%a %d %b %H:%M} UTC: {first.paths}"


def _lines(own: Sequence[holes.Hole]) -> list[str]:
    lines = []
    for hole in own[:SHOWN]:
        caught = ", ".join(str(person) for person in hole.caught_by)
        then = f"Only the fallback is told: {caught}." if caught else "Nobody is told at all."
        lines.append(f"{hole.words}: {hole.paths}, {hole.reason}. {then}")
    return [*lines, f"and {len(own) - SHOWN} more"] if len(own) > SHOWN else lines
