"""Who may change a schedule by hand, and for which times."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import QuerySet

from incidents.models import Access, Membership, Team, User
from incidents.refusals import Conflict, Invalid, NotAllowed
from oncall.models import Schedule

LONGEST = timedelta(days=366)  # of one change by hand


def may_arrange(person: User, team: Team) -> bool:
    """Tell whether the person may override, swap and fix shifts of the team's schedules (at most 1 query)."""
    if person.is_administrator:
        return True
    return person.may_declare and person.memberships.filter(team=team).exists()


def may_manage(person: User, team: Team) -> bool:
    """Tell whether the person looks after the team (at most 1 query)."""
    return person.is_administrator or person.memberships.filter(team=team, is_manager=True).exists()


def teams_arranged_by(person: User) -> frozenset[int]:
    """The teams whose schedules the person may override, swap and fix, by primary key (1 query at most)."""
    if person.is_administrator:
        return frozenset(Team.objects.values_list("pk", flat=True))
    return frozenset(person.memberships.values_list("team_id", flat=True)) if person.may_declare else frozenset()


def teams_managed_by(person: User) -> frozenset[int]:
    """The teams that the person looks after, by primary key (1 query)."""
    rows = Team.objects.all() if person.is_administrator else Team.objects.filter(memberships__in=_managing(person))
    return frozenset(rows.values_list("pk", flat=True))


def managers_of(teams: Collection[int]) -> dict[int, list[User]]:
    """The active managers of each team; the administrators of one that has none (2 queries)."""
    rows = Membership.objects.filter(team__in=teams, is_manager=True, user__is_active=True).select_related("user")
    found: dict[int, list[User]] = defaultdict(list)
    for row in rows.order_by("pk"):
        found[row.team_id].append(row.user)
    administrators = list(User.objects.filter(access=Access.ADMINISTRATOR, is_active=True).order_by("pk"))
    return {team: found[team] or administrators for team in teams}


def _managing(person: User) -> QuerySet[Membership]:
    return person.memberships.filter(is_manager=True)


def locked(schedule: Schedule) -> Schedule:
    """Lock the schedule's row: whoever changes it by hand waits here for the others (inside a transaction).

    Raises:
        Conflict: it is retired.
    """
    row = Schedule.objects.select_for_update(no_key=True, of=("self",)).select_related("team").get(pk=schedule.pk)
    if not row.is_active:
        raise Conflict(f"{row} is retired: it pages nobody, and nothing in it can be changed.")
    return row


def locked_for(person: User, schedule: Schedule) -> Schedule:
    """Lock the schedule for somebody who may change it by hand.

    Raises:
        Conflict: it is retired.
        NotAllowed: they are neither of its team nor an administrator.
    """
    row = locked(schedule)
    if not may_arrange(person, row.team):
        raise NotAllowed(f"Only members of {row.team} and administrators may change who is on call in {row}.")
    return row


def begin(start: datetime, end: datetime, *, by: User, at: datetime) -> datetime:
    """Return when a change of that range begins: for all but administrators, who may correct the past, not before now.

    Raises:
        Invalid: the range is empty, over, or too long.
    """
    if end <= start:
        raise Invalid("end", "Choose an end after the start.")
    if end - start > LONGEST:
        raise Invalid("end", f"Choose an end within {LONGEST.days} days of the start.")
    if by.is_administrator:
        return start
    if end <= at:
        raise Invalid("end", "This time is over. Only an administrator may correct the past.")
    return max(start, at)


def require_active(person: User, field: str) -> None:
    """Refuse people who left.

    Raises:
        Invalid: the person is inactive; ``field`` says where they are named.
    """
    if not person.is_active:
        raise Invalid(field, f"{person} is inactive and is never paged. Choose somebody else.")
