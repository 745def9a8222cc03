"""Play a story through the deeds, each with the clock of its time."""

import re
from datetime import datetime, timedelta
from typing import Any

from config.demo import alerts
from config.demo.cast import Cast
from config.demo.clockwork import Clockwork
from config.demo.story import Beat, Story
from incidents import assigning, clocks, grading, lifecycle, roles, timeline
from incidents.models import EntryKind, Incident, Integration, Role, Rule, Service, Severity, Task, User
from incidents.states import Phase
from oncall import escalation, replies
from oncall.models import Act, Page
from postmortems import actions, editing, publishing, reminding, whys
from postmortems.models import ActionItem, ActionStatus, DocumentStatus, Postmortem, Section, Why

WRITTEN = (
    "say",
    "write_section",
    "hand_out",
    "finish_task",
    "fall_silent",
    "ask_why",
)  # deeds that leave nothing to be done

WRAPPED = re.compile(r"(?<=[^\n|])\n +(?=\S)|(?<=[^\n|])\n(?=[^\s|*\-\d])")  # a break within a paragraph or a list item


class Stage:
    """What every story needs: the cast, the services and their doors, the levels, and the present moment."""

    def __init__(
        self, cast: Cast, services: dict[str, Service], doors: dict[str, list[Integration]], now: datetime
    ) -> None:
        self.cast = cast
        self.services = services
        self.doors = doors
        self.severities = Severity.objects.in_bulk()
        self.now = now


class Player:
    """Plays one story; each public method is a deed that a beat may name."""

    def __init__(self, story: Story, stage: Stage) -> None:
        self.story = story
        self.stage = stage
        self.team = stage.services[story.service].team.slug
        self.began = story.begins(stage.now)
        self.at = self.began
        self.whys: dict[str, Why] = {}

    def play(self) -> Incident:
        """Declare the incident, do beat by beat, and let the engine run up to the present.

        Raises:
            ValueError: a beat would lie in the future, or before the one ahead of it.
        """
        self.incident = self._declare()
        self.alert = alerts.receive(self.story, self.incident, self._door(), self.began)
        silent = [self._person(name) for name in self.story.silent_phones]
        clockwork = Clockwork(self.incident, silent)
        for beat in self.story.beats:
            at = self._moment(beat.minute)
            if not self.at <= at <= self.stage.now:
                raise ValueError(f"“{self.story.title}”: minute {beat.minute} is out of order or yet to come")
            clockwork.advance(at)
            self.at = at
            self._do(beat)
            if beat.deed not in WRITTEN:
                clockwork.stir()
        clockwork.advance(self.stage.now)
        for item in reminding.waiting(self.stage.now).filter(incident=self.incident).select_related("owner"):
            item.remind_at = reminding.next_reminder(item, after=self.stage.now)
            item.save(update_fields=["remind_at"])
        for document in reminding.owed(self.stage.now).filter(incident=self.incident).select_related("incident"):
            document.remind_at = reminding.next_nag(document, after=self.stage.now)
            document.save(update_fields=["remind_at"])
        return self.incident

    def _declare(self) -> Incident:
        story, stage = self.story, self.stage
        self.at = self._moment(story.declared)
        said = lifecycle.Declaration(
            title=story.title,
            service=stage.services[story.service],
            severity=stage.severities[story.level],
            kind=story.kind,
            time_scale=story.time_scale,
            affected_services=tuple(stage.services[slug] for slug in story.also),
            detected_at=self.began,
            impact_started_at=None if story.hurt is None else self._moment(-story.hurt),
            affected_percent=story.percent,
            workaround=story.workaround,
            private=story.private,
            detection=story.detection,
            severity_assumed=story.assumed,
            group_key=alerts.group_of(story) if story.alert else "",
        )
        return lifecycle.declare(said, by=self._person(story.by) if story.by else None, at=self.at)

    def _do(self, beat: Beat) -> None:
        who = self._person(beat.who) if beat.who else None
        getattr(self, beat.deed)(who, **beat.said)

    def _door(self) -> Integration:
        return self.stage.doors[self.story.service][self.story.alert.door if self.story.alert else 0]

    def _person(self, name: str) -> User:
        return self.stage.cast.of(name, self.team, self.began)

    def _moment(self, minute: float) -> datetime:
        return self.began + timedelta(seconds=round(minute * 60))

    def _when(self, happened: float | None) -> datetime | None:
        return None if happened is None else self._moment(happened)

    def acknowledge(self, who: User, via: str) -> None:
        """Take it in hand."""
        lifecycle.acknowledge(self.incident, by=who, at=self.at, via=via)

    def take(self, who: User, via: str) -> None:
        """Answer one's own page."""
        page = Page.objects.filter(incident=self.incident, person=who, act=Act.PAGE).order_by("-pk").first()
        if page is None:  # policies that were changed page somebody else
            self.acknowledge(who, via)
        else:
            replies.take(page, at=self.at, via=via)

    def join(self, who: User) -> None:
        """Begin to work on it."""
        lifecycle.join(self.incident, by=who, at=self.at)

    def enter_phase(self, who: User, to: str) -> None:
        """Go on to a phase."""
        lifecycle.enter_phase(self.incident, to=Phase(to), by=who, at=self.at)

    def escalate(self, who: User) -> None:
        """Call the next level at once."""
        escalation.escalate_now(self.incident, by=who, at=self.at)

    def say(self, who: User | None, kind: str, text: str, role: str, happened: float | None) -> None:
        """Write an entry; where nobody speaks, the source does."""
        occurred_at = self._when(happened)
        if who:
            self._wear(who, role)
            timeline.add(self.incident, kind=kind, text=text, by=who, at=self.at, occurred_at=occurred_at, role=role)
        else:
            self._tell(EntryKind(kind), text, role)

    def _wear(self, who: User, role: str) -> None:
        """Whoever speaks in a role that nobody holds takes it first."""
        wanted = next((known for known in Role if known.label == role), None)
        incident = Incident.objects.get(pk=self.incident.pk)
        if wanted and incident.is_open and roles.current(incident, wanted) is None:
            roles.join(incident, wanted, by=who, at=self.at)

    def change_severity(self, who: User, to: int, reason: str) -> None:
        """Change the level."""
        grading.change_severity(self.incident, to=self.stage.severities[to], reason=reason, by=who, at=self.at)

    def mitigate(self, who: User, what: str, over: bool, happened: float | None) -> None:
        """Mark it mitigated."""
        when = self._when(happened)
        lifecycle.mitigate(self.incident, what=what, by=who, at=self.at, occurred_at=when, impact_over=over)
        if over:
            self.fall_silent(None)

    def fall_silent(self, who: None) -> None:
        """The source says that it is over."""
        alerts.end(self.alert, self.incident, self.at)

    def resolve(
        self, who: User | None, cause: str, not_yet: str, recovered: float | None, happened: float | None
    ) -> None:
        """End the work; the alert is over at the latest now."""
        alerts.end(self.alert, self.incident, self.at)
        lifecycle.resolve(
            self.incident,
            by=who,
            at=self.at,
            occurred_at=self._when(happened),
            recovered_at=self._when(recovered),
            root_cause=cause,
            not_yet_because=not_yet,
        )

    def reopen(self, who: User, reason: str) -> None:
        """Take the work up again."""
        lifecycle.reopen(self.incident, reason=reason, by=who, at=self.at)

    def decline(self, who: User, reason: str) -> None:
        """Say that it was none."""
        alerts.end(self.alert, self.incident, self.at)
        lifecycle.decline(self.incident, reason=reason, by=who, at=self.at)

    def close(self, who: User) -> None:
        """Say that all is done."""
        lifecycle.close(self.incident, by=who, at=self.at)
        for item in ActionItem.objects.filter(incident=self.incident, status__in=ActionStatus.unfinished):
            ending = actions.Ending(ActionStatus.DONE.value, "Looked at it in production: it is as it should be.")
            actions.edit(item, actions.plan_of(item), ending, by=who, at=self.at)

    def hand_out(self, who: User, title: str, owner: str, role: str) -> None:
        """Create a task."""
        person = self._person(owner) if owner else None
        wanted = assigning.Wanted(title, owner=person, role="" if person else role)
        assigning.hand_out(self.incident, wanted, by=who, at=self.at)

    def finish_task(self, who: User, title: str) -> None:
        """Tick a task."""
        pk = Task.objects.get(incident=self.incident, title=title).pk
        assigning.finish(self.incident, pk, by=who, at=self.at)

    def write_section(self, who: User, key: str, text: str) -> None:
        """Write a section of the postmortem."""
        row = Section.objects.get(postmortem__incident=self.incident, key=key)
        editing.save_section(row, text=unwrapped(text), base_version=row.version, by=who, at=self.at)

    def ask_why(self, who: User, key: str, under: str, **said: Any) -> None:
        """Answer a why."""
        document = Postmortem.objects.get(incident=self.incident)
        parents = [self.whys[under].pk] if under else []
        self.whys[key] = whys.ask(document, whys.Said(**said), under=parents, by=who, at=self.at)

    def take_on(self, who: User, title: str, causes: tuple[str, ...], **said: Any) -> None:
        """Write an action item down and own it."""
        roots = tuple(self.whys[key].pk for key in causes)
        actions.add(self.incident, actions.Plan(title, who, root_causes=roots, **said), by=who, at=self.at)

    def publish(self, who: User) -> None:
        """Publish the postmortem, which meets its clock."""
        published = {
            "status": DocumentStatus.PUBLISHED,
            "published_at": self.at,
            "published_by": who,
            "remind_at": None,
        }
        facts = publishing.facts_of(Incident.objects.get(pk=self.incident.pk))
        Postmortem.objects.filter(incident=self.incident).update(owner=who, facts=facts, **published)
        clocks.meet(self.incident, Rule.POSTMORTEM, self.at)
        self._tell(EntryKind.POSTMORTEM, "The postmortem is published.", "", by=who)

    def _tell(self, kind: EntryKind, text: str, role: str, by: User | None = None) -> None:
        locked = Incident.objects.select_for_update(no_key=True).get(pk=self.incident.pk)
        timeline.write([timeline.Line(locked, kind, text, by=by, role=role)], at=self.at)
        locked.save(update_fields=["timeline_seq"])


def unwrapped(text: str) -> str:
    """The text with each paragraph on one line: a line break that stays is shown as one."""
    return WRAPPED.sub(" ", text)
