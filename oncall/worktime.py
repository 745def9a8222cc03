"""Who is in working hours now: a person on their own clock, a schedule on its own, by the hours of the team."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from incidents import clocks
from incidents.business_hours import BusinessHours
from incidents.models import Holiday, Membership, Team, User
from oncall.models import Schedule

USUAL = BusinessHours(zone=ZoneInfo("UTC"), start=time(9), end=time(17), days=frozenset({1, 2, 3, 4, 5}))


def people_at_work(people: Iterable[User], at: datetime) -> set[int]:
    """Those for whom it is working time; who belongs to no team works from nine to five (1 query, 1 for each team)."""
    people = list(people)
    rows = Membership.objects.filter(user__in=people).select_related("team").order_by("user", "pk")
    teams: dict[int, Team] = {}
    for row in rows:
        teams.setdefault(row.user_id, row.team)
    hours = {team.pk: clocks.business_hours_of(team) for team in teams.values()}
    own = {person.pk: hours[teams[person.pk].pk] if person.pk in teams else USUAL for person in people}
    return {person.pk for person in people if replace(own[person.pk], zone=person.zone).covers(at)}


def schedules_at_work(ids: Collection[int], at: datetime) -> set[int]:
    """Those on whose clock it is working time of their team (1 query, 1 for each team)."""
    rows = list(Schedule.objects.filter(pk__in=ids).select_related("team"))
    hours = {row.team_id: clocks.business_hours_of(row.team) for row in rows}
    return {row.pk for row in rows if replace(hours[row.team_id], zone=ZoneInfo(row.time_zone)).covers(at)}


def of_everybody(
    people: Mapping[int, str], schedules: Mapping[int, tuple[int, str]]
) -> tuple[dict[int, BusinessHours], dict[int, BusinessHours]]:
    """The working hours of people by their zone, and of schedules by their team and zone (3 queries)."""
    holidays: dict[int, set[date]] = defaultdict(set)
    for team, day in Holiday.objects.values_list("team", "date"):
        holidays[team].add(day)
    teams = {team.pk: clocks.hours_of(team, holidays[team.pk]) for team in Team.objects.all()}
    first: dict[int, int] = {}
    for person, team in Membership.objects.order_by("user", "pk").values_list("user", "team"):
        first.setdefault(person, team)
    return (
        {pk: replace(teams[first[pk]] if pk in first else USUAL, zone=ZoneInfo(zone)) for pk, zone in people.items()},
        {pk: replace(teams[team], zone=ZoneInfo(zone)) for pk, (team, zone) in schedules.items()},
    )
