"""What happens when a clock runs out: the state, the line on the timeline, and notices to the right people."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from incidents import clocks, due, rewriting, timeline
from incidents.models import (
    Clock,
    EntryKind,
    Incident,
    Membership,
    Notice,
    Participant,
    Rank,
    Role,
    RoleHolder,
    Rule,
    User,
)
from incidents.states import ClockState

TEXT = {
    Rule.ACKNOWLEDGE: "Nobody acknowledged in time.",
    Rule.RESPOND: "Nobody joined in time.",
    Rule.COMMANDER: "No commander joined in time.",
    Rule.UPDATE: "The update is overdue.",
    Rule.MITIGATE: "Not mitigated in time.",
    Rule.RESOLVE: "Not resolved in time.",
    Rule.POSTMORTEM: "The postmortem is overdue.",
}
ASKS = {
    Rule.ACKNOWLEDGE: "Take it, or find somebody who does.",
    Rule.RESPOND: "Join, or find somebody who does.",
    Rule.COMMANDER: "Take command, or find somebody who does.",
    Rule.UPDATE: "Say what is happening, what is being done and what is needed; two sentences do.",
    Rule.MITIGATE: "Look for the quickest way to stop the bleeding, and for help.",
    Rule.RESOLVE: "Finish it, or say why it has to wait.",
    Rule.POSTMORTEM: "Write it, or ask the people who were there.",
}
ANSWER_FOR = {  # whose duty it is, the first to be told first; where nobody holds them: who has it, and the leads
    Rule.UPDATE: (Role.COMMUNICATIONS, Role.COMMANDER),
    Rule.MITIGATE: (Role.TECH_LEAD, Role.COMMANDER),
    Rule.RESOLVE: (Role.TECH_LEAD, Role.COMMANDER),
    Rule.POSTMORTEM: (Role.COMMANDER,),
}
SECOND_AFTER = timedelta(minutes=1)  # then whoever comes second is told as well, if it is still owed
QUIET_FROM = 3  # from this level on nobody is told who was not told before


def breach_due(at: datetime) -> due.Done:
    """Breach what ran out: the due source ``clocks``."""
    return due.do_set("clocks", clocks.running_out(at).order_by("due_at", "pk"), _breach, at)


@transaction.atomic
def _breach(ids: Sequence[int], at: datetime) -> int:
    wanted = Clock.objects.filter(pk__in=ids).values("incident")
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related(
        "severity", "service"
    )
    incidents = {incident.pk: incident for incident in rows.filter(pk__in=wanted).order_by("pk")}
    found = list(clocks.running_out(at).filter(pk__in=ids, incident__in=incidents).order_by("due_at", "pk"))
    audience = Audience(incidents.values())
    lines, notices = [], []
    for clock in found:
        incident = incidents[clock.incident_id]
        clock.state = ClockState.BREACHED
        people = audience.of(clock, incident)
        notices += [_notice(clock, incident, person, place, at) for place, person in enumerate(people)]
        lines.append(timeline.Line(incident, EntryKind.CLOCK, _said(clock, people), data={"rule": clock.rule}))
    timeline.write(lines, at=at)
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    rewriting.save(found, ["state"])
    rewriting.save({line.incident.pk: line.incident for line in lines}.values(), ["timeline_seq"])
    return len(found)


def _said(clock: Clock, people: Sequence[User]) -> str:
    told = f" Told: {', '.join(str(person) for person in people)}." if people else ""
    return f"{TEXT[Rule(clock.rule)]}{told}"


def _notice(clock: Clock, incident: Incident, person: User, place: int, at: datetime) -> Notice:
    """What the person gets; the first at once, the others a minute later unless it is done by then."""
    waits = incident.scaled(SECOND_AFTER) if place and clock.rule == Rule.UPDATE else timedelta(0)
    text = TEXT[Rule(clock.rule)]
    return Notice(
        person=person,
        incident=incident,
        subject=f"{incident.ref}: {text[:1].lower()}{text[1:].rstrip('.')}",
        text=f"{incident.severity}: {incident.title}. {text} It was due at {clock.due_at:%H:%M} UTC. "
        f"{ASKS[Rule(clock.rule)]}",
        path=incident.get_absolute_url(),
        channels=incident.severity.channels,
        due_at=at + waits,
        dedupe_key=f"{clocks.key_of(clock)}{person.pk}",
    )


class Audience:
    """Who must hear of a breach, read once for a set of incidents."""

    def __init__(self, incidents: Iterable[Incident]) -> None:
        incidents = list(incidents)
        self._users = User.objects.in_bulk([row.held_by_id for row in incidents if row.held_by_id])
        self._members: dict[tuple[int, str], list[User]] = {}
        services = [row.service_id for row in incidents]
        members = Membership.objects.filter(rank__in=[Rank.LEAD, Rank.DIRECTOR], team__services__in=services)
        for row in members.select_related("user").order_by("pk").distinct():
            self._members.setdefault((row.team_id, row.rank), []).append(row.user)
        self._holders: dict[tuple[int, str], User] = {}
        for held in RoleHolder.objects.filter(incident__in=incidents, until=None).select_related("person"):
            self._holders[held.incident_id, held.role] = held.person
        parts = Participant.objects.filter(incident__in=incidents).select_related("user").order_by("pk")
        self._taking_part: dict[int, dict[int, User]] = {}
        for part in parts:
            self._taking_part.setdefault(part.incident_id, {})[part.user_id] = part.user

    def of(self, clock: Clock, incident: Incident) -> list[User]:
        """Whoever can do something about it, the first to be told first.

        From P3 on only people who are in it already; a private incident is told to nobody else either.
        """
        inside = self._taking_part.get(incident.pk, {})
        holder = [self._users[incident.held_by_id]] if incident.held_by_id in self._users else []
        if incident.severity_id >= QUIET_FROM:
            return self._active(holder or inside.values())[:1]
        hats = [self._holders.get((incident.pk, role)) for role in ANSWER_FOR.get(Rule(clock.rule), ())]
        ranks = [Rank.LEAD, Rank.DIRECTOR] if clock.rule == Rule.COMMANDER else [Rank.LEAD]
        members = [user for rank in ranks for user in self._members.get((incident.service.team_id, rank), [])]
        people = self._active([user for user in hats if user] or [*holder, *members])
        return [person for person in people if not incident.private or person.pk in inside]

    @staticmethod
    def _active(people: Iterable[User]) -> list[User]:
        return [person for person in dict.fromkeys(people) if person.is_active]
