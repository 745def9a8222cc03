"""Who stands behind a target right now: the rows are read when a level fires, never copied ahead."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incidents.models import Incident, Membership, Organisation, Team, User
from oncall import rosters, rota, worktime
from oncall.models import ContactMethod, Hours, Schedule, TargetKind

Target = dict[str, Any]


@dataclass(frozen=True)
class Reached:
    """A person and why it is they."""

    person: User
    reason: str


class Reach:
    """The answer for a set of incidents at one instant, read in a constant number of queries."""

    def __init__(self, incidents: Iterable[Incident], targets: Iterable[Target], at: datetime) -> None:
        """``incidents`` come with ``service``; ``targets`` are all that will be asked for."""
        self.at = at
        self.teams = _teams_of(list(incidents))
        team_ids = {team for teams in self.teams.values() for team in teams}
        self._load_people(team_ids)
        self._load_schedules(team_ids, list(targets))

    def people(self, incident: Incident, targets: Iterable[Target], hours: str = Hours.ANY) -> list[Reached]:
        """Everyone whom the targets mean for this incident at these hours, each once, active people only."""
        found: dict[int, Reached] = {}
        for target in targets:
            for reached in self._one(incident, target, hours):
                if reached.person.is_active:
                    found.setdefault(reached.person.pk, reached)
        if hours == Hours.PERSON:
            working = worktime.people_at_work([one.person for one in found.values()], self.at)
            return [one for pk, one in found.items() if pk in working]
        return list(found.values())

    def methods(self, person: User) -> list[ContactMethod]:
        """The person's usable contact methods in their order (I11)."""
        return self._methods.get(person.pk, [])

    def fallback(self, incident: Incident) -> list[Reached]:
        """The fallback contact of the owning team, else of the organisation, else every administrator."""
        candidates = [
            (self._team_fallback.get(team), "fallback contact of the team") for team in self.teams[incident.pk]
        ]
        candidates.append((self._organisation_fallback, "fallback contact of the organisation"))
        for person_id, reason in candidates:
            person = self._users.get(person_id) if person_id else None
            if person and person.is_active and self.methods(person):
                return [Reached(person, reason)]
        return [
            Reached(person, "administrator, since no fallback contact can be reached")
            for person in self._administrators()
        ]

    def _one(self, incident: Incident, target: Target, hours: str) -> list[Reached]:
        kind = target["kind"]
        teams = self.teams[incident.pk]
        if kind in {TargetKind.ON_CALL, TargetKind.SCHEDULE}:
            own = [pk for team in teams for pk in self._schedules_of_team.get(team, ())]
            schedules = own if kind == TargetKind.ON_CALL else [target["schedule"]]
            working = worktime.schedules_at_work(schedules, self.at) if hours == Hours.SCHEDULE else set(schedules)
            return [reached for pk in schedules if pk in working for reached in self._on_call(pk)]
        if kind == TargetKind.USER:
            person = self._users.get(target["user"])
            return [Reached(person, "named in the policy")] if person else []
        rows = [row for team in teams for row in self._members.get(team, ())]
        if kind == TargetKind.RANK:
            rows = [row for row in rows if row.rank == target["rank"]]
        return [Reached(row.user, f"{row.get_rank_display().lower()} of {row.team.name}") for row in rows]

    def _on_call(self, schedule_id: int) -> list[Reached]:
        roster = self._rosters.get(schedule_id)
        if roster is None:
            return []
        name = self._schedule_names[schedule_id]
        return [
            Reached(self._users[row.person], f"on call, {name}, {_why(row)}")
            for row in rota.on_call(roster, self.at)
            if row.person in self._users
        ]

    def _load_people(self, team_ids: Collection[int]) -> None:
        members = Membership.objects.filter(team__in=team_ids).select_related("user", "team").order_by("pk")
        self._members: dict[int, list[Membership]] = {}
        for row in members:
            self._members.setdefault(row.team_id, []).append(row)
        self._team_fallback = dict(Team.objects.filter(pk__in=team_ids).values_list("pk", "fallback"))
        self._organisation_fallback = Organisation.objects.values_list("fallback", flat=True).first()

    def _load_schedules(self, team_ids: Collection[int], targets: list[Target]) -> None:
        answering = Schedule.objects.filter(team__in=team_ids, answers_for_team=True, is_active=True).order_by("pk")
        self._schedules_of_team: dict[int, list[int]] = {}
        for schedule in answering:
            self._schedules_of_team.setdefault(schedule.team_id, []).append(schedule.pk)
        wanted = {pk for pks in self._schedules_of_team.values() for pk in pks}
        wanted |= {target["schedule"] for target in targets if target["kind"] == TargetKind.SCHEDULE}
        self._schedule_names = dict(Schedule.objects.filter(pk__in=wanted).values_list("pk", "name"))
        self._rosters = rosters.load(wanted, since=self.at)
        self._load_users(targets)

    def _load_users(self, targets: list[Target]) -> None:
        ids = {target["user"] for target in targets if target["kind"] == TargetKind.USER}
        ids |= {row.user_id for rows in self._members.values() for row in rows}
        ids |= {pk for pk in [*self._team_fallback.values(), self._organisation_fallback] if pk}
        for roster in self._rosters.values():
            ids |= rota.members(roster)
        self._users = User.objects.in_bulk(ids)
        self._methods = usable_methods(ids)

    def _administrators(self) -> list[User]:
        people = list(User.objects.filter(access="administrator", is_active=True).order_by("pk"))
        self._methods |= usable_methods([person.pk for person in people])
        return [person for person in people if self.methods(person)]


def _why(row: rota.OnCall) -> str:
    """What put the person on call."""
    if row.temporary:
        return "temporary schedule"
    return "override" if row.override else row.layer_name


def usable_methods(user_ids: Collection[int]) -> dict[int, list[ContactMethod]]:
    """The verified and enabled contact methods of each person, in their order (1 query)."""
    rows = ContactMethod.objects.filter(user__in=user_ids, verified_at__isnull=False, disabled_at=None)
    methods: dict[int, list[ContactMethod]] = {}
    for row in rows.order_by("position", "pk"):
        methods.setdefault(row.user_id, []).append(row)
    return methods


def _teams_of(incidents: list[Incident]) -> dict[int, list[int]]:
    """The teams that own each incident's service and affected services, the first one first."""
    teams = {incident.pk: [incident.service.team_id] for incident in incidents}
    through = Incident.affected_services.through
    rows = through.objects.filter(incident__in=teams).values_list("incident_id", "service__team_id").order_by("pk")
    for incident_id, team_id in rows:
        if team_id not in teams[incident_id]:
            teams[incident_id].append(team_id)
    return teams
