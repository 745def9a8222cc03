"""What a set of events makes: alerts opened, repeated and resolved, and one open incident for each group of them.

Intake alone writes alerts, and only for services whose rows it has locked. So two ticks never work on one key or one
group at once, and a service's events are taken in the order of their arrival. After the services the incidents are
locked, in the order of their numbers, and only those on which something changes: a flood of one key costs one row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

from incidents import grading, lifecycle, quieting, rewriting, timeline
from incidents.intake import rows
from incidents.intake.episodes import Verdict, judge
from incidents.intake.events import Event, Group, Key, Ranks
from incidents.intake.reading import Action, Signal
from incidents.lifecycle import Declaration
from incidents.models import Alert, AlertStatus, EntryKind, Incident, RawEvent, Service, Severity, SeverityProposal
from incidents.states import Detection

LONGEST_TITLE = 200  # characters
STORM = "alert storm"  # group key of a service's storm incident


class Alerts:
    """The alerts and incidents that a set of events touches, read once, changed in memory, written together."""

    def __init__(self, events: Sequence[Event], at: datetime) -> None:
        """Read what the events are about and lock the incidents on which something changes."""
        self.at = at
        self.ranks = Ranks.load()
        self.newest = rows.newest_alerts({key for event in events for key in event.keys})
        self.incidents: dict[int, Incident] = {}
        self.by_group: dict[Group, Incident] = {}
        self.still_open: dict[int, set[Key]] = {}
        self.declared = 0
        self._groups_held: set[Group] = set()
        self._changed: dict[int, Alert] = {}
        self._fresh: list[Alert] = []
        self._lines: list[tuple[Incident, str, Alert]] = []
        self._lock(events)

    @cached_property
    def quiet(self) -> quieting.Quieted:
        """What holds alerts back, read with the first one that opens."""
        return quieting.Quieted.load(self.at)

    def _lock(self, events: Sequence[Event]) -> None:
        """Lock the incidents of all keys of which more is made than a count."""
        said = [((event.raw.integration_id, signal.dedup_key), event, signal) for event, signal in _signals(events)]
        moving = {key for key, event, signal in said if not self._is_idle(event, signal)}
        known = {alert.incident_id for key in moving if (alert := self.newest.get(key)) and alert.incident_id}
        if moving:
            self._hold(known, {event.group(signal) for key, event, signal in said if key in moving})

    def _hold(self, known: set[int], groups: set[Group]) -> None:
        """Lock incidents, and learn which of their alerts are open."""
        locked = {one.pk: one for one in rows.lock_incidents(known, groups) if one.pk not in self.incidents}
        self.incidents |= locked
        self.still_open |= {pk: set() for pk in locked}
        self.by_group |= {
            (incident.service_id, incident.group_key): incident
            for incident in locked.values()
            if incident.is_open and incident.group_key
        }
        self._groups_held |= groups
        open_alerts = Alert.objects.filter(incident__in=locked, status=AlertStatus.OPEN)
        for incident_id, integration_id, dedup_key in open_alerts.values_list(
            "incident_id", "integration_id", "dedup_key"
        ):
            self.still_open[incident_id].add((integration_id, dedup_key))

    def _is_idle(self, event: Event, signal: Signal) -> bool:
        """Judged by what stands now, before any lock: nothing but a count comes of it."""
        alert = self.newest.get((event.raw.integration_id, signal.dedup_key))
        verdict = self._verdict(event, signal)
        if verdict is Verdict.UNKNOWN and signal.action is Action.RESOLVE:
            return alert is None or alert.incident is None or not alert.incident.is_open
        return verdict.is_idle and not (verdict is Verdict.REPEAT and alert and self._is_worse(event, signal, alert))

    def _verdict(self, event: Event, signal: Signal) -> Verdict:
        alert = self.newest.get((event.raw.integration_id, signal.dedup_key))
        incident = self._incident_of(alert)
        if incident:
            work_is_over = not incident.is_open
        else:
            work_is_over = alert is not None and alert.held_until is None and event.service_of(signal).is_active
        return judge(signal, alert, event.raw.received_at, work_is_over=work_is_over)

    def _incident_of(self, alert: Alert | None) -> Incident | None:
        """The alert's incident, the locked one where we hold it."""
        if alert is None or alert.incident_id is None:
            return None
        return self.incidents.get(alert.incident_id) or alert.incident

    def _is_worse(self, event: Event, signal: Signal, alert: Alert) -> bool:
        """A repeat names a more severe level than any event of the alert before."""
        severity = self.ranks.of(event, signal) if signal.action is Action.TRIGGER else None
        return severity is not None and (alert.severity_id is None or severity.level < alert.severity_id)

    def take(self, event: Event) -> None:
        """Make of one event what it says, signal by signal; then see which incidents are over."""
        for signal in event.signals:
            verdict = self._verdict(event, signal)
            event.made[verdict] += 1
            alert = self.newest.get((event.raw.integration_id, signal.dedup_key))
            if verdict is Verdict.OPEN:
                self._open(event, signal, alert)
            elif alert is not None:
                self._go_on(event, signal, alert, verdict)
        for incident_id, alert in sorted(event.worse.items()):
            self._raise_or_propose(event, self.incidents.get(incident_id), alert)
        for incident_id in sorted(event.closing):
            self._resolve_incident(event, self.incidents[incident_id])

    def _go_on(self, event: Event, signal: Signal, alert: Alert, verdict: Verdict) -> None:
        """What a signal means for an alert that is there."""
        incident = self._incident_of(alert)
        name = event.raw.integration.name
        if incident:
            event.incidents.add(incident.ref)
        if verdict in (Verdict.REPEAT, Verdict.ACKNOWLEDGE, Verdict.RESOLVE):
            alert.last_received_at = event.raw.received_at
            self._touch(alert)
        if verdict is Verdict.REPEAT:
            alert.count += 1
            if self._is_worse(event, signal, alert):
                alert.severity, alert.level_word = self.ranks.of(event, signal), signal.level_word
                self._compare(event, incident, alert)
        elif verdict is Verdict.ACKNOWLEDGE:
            alert.acknowledged_at = self.at
            self._tell(incident, f"{name} acknowledged it; people are still paged: {alert.summary}", alert)
        elif verdict is Verdict.RESOLVE:
            self._end(alert)
            self._tell(incident, f"{name} says that it is over: {alert.summary}", alert)
        if signal.action is Action.RESOLVE and verdict is not Verdict.ECHO:
            self._may_close(event, signal, incident)

    def _may_close(self, event: Event, signal: Signal, incident: Incident | None) -> None:
        """A post that leaves alerts out says nothing about them: it closes nothing."""
        if incident and incident.pk in self.incidents and signal.whole and event.raw.integration.auto_resolve:
            event.closing.add(incident.pk)

    def _end(self, alert: Alert) -> None:
        alert.status, alert.resolved_at = AlertStatus.RESOLVED, self.at
        if alert.incident_id in self.still_open:
            self.still_open[alert.incident_id].discard((alert.integration_id, alert.dedup_key))

    def _open(self, event: Event, signal: Signal, before: Alert | None) -> None:
        """A new episode: end the one before where its end was missed, find or declare the incident."""
        if before and before.status == AlertStatus.OPEN:
            self._end(before)
            self._touch(before)
        integration = event.raw.integration
        alert = self._fresh_alert(event, signal)
        self.newest[integration.pk, signal.dedup_key] = alert
        if self._is_held(alert):
            event.made["held back"] += 1
        else:
            self._join(event, signal, alert)
        self._fresh.append(alert)  # not earlier: what joins may write what was said before

    def _fresh_alert(self, event: Event, signal: Signal) -> Alert:
        return Alert(
            integration=event.raw.integration,
            service=event.service_of(signal),
            dedup_key=signal.dedup_key,
            group_key=signal.group_key,
            summary=signal.summary,
            source=signal.source,
            level_word=signal.level_word,
            severity=self.ranks.of(event, signal),
            labels=dict(signal.labels),
            links=[dict(link) for link in signal.links],
            starts_at=signal.starts_at,
            first_received_at=event.raw.received_at,
            last_received_at=event.raw.received_at,
            raw_event=event.raw,
        )

    def _is_held(self, alert: Alert) -> bool:
        """Note on the alert until when it pages nobody, if maintenance or a silence holds it back now."""
        hold = self.quiet.hold(alert.service_id, alert.said)
        alert.held_until = hold.until if hold else None
        alert.held_because = hold.why if hold else alert.held_because
        return hold is not None

    def _join(self, event: Event, signal: Signal, alert: Alert) -> None:
        """Give the alert to the open incident of its group, or to a new one."""
        incident = self._incident_for(event, signal)
        alert.incident = incident
        if incident:
            event.incidents.add(incident.ref)
            self.still_open.setdefault(incident.pk, set()).add((alert.integration_id, signal.dedup_key))
            self._tell(incident, f"{event.raw.integration.name}: {signal.summary}", alert)
            self._compare(event, incident, alert)

    def release(self, alert: Alert) -> None:
        """Let an open alert page that was held back, unless something else holds it back now.

        It counts as detected at this instant: what happened before lay in a time that was planned or silenced.
        """
        integration = alert.integration
        if self._is_held(alert):
            self._touch(alert)
            return
        signal = Signal(
            Action.TRIGGER,
            alert.dedup_key,
            alert.group_key,
            summary=alert.summary,
            source=alert.source,
            level_word=alert.level_word,
            labels=alert.labels,
        )
        event = Event(
            RawEvent(integration=integration, received_at=self.at), [signal], {signal.dedup_key: alert.service}
        )
        self._join(event, signal, alert)
        self._touch(alert)
        for incident_id, worst in sorted(event.worse.items()):
            self._raise_or_propose(event, self.incidents.get(incident_id), worst)

    def _incident_for(self, event: Event, signal: Signal) -> Incident | None:
        """The open incident of the signal's group, a new one where there is none; a retired service gets none."""
        group = event.group(signal)
        if group not in self._groups_held:
            self._hold(set(), {group})
        if group in self.by_group:
            return self.by_group[group]
        if event.service_of(signal).is_active and (back := self._come_back(event, signal)):
            return back
        if not event.service_of(signal).is_active:
            event.made["without an incident, since the service is retired"] += 1
            return None
        if storm := self._storm(event, signal):
            return storm
        incident = self._declare(event, event.service_of(signal), signal.group_key)
        self.by_group[group] = self.incidents[incident.pk] = incident
        self.declared += 1
        return incident

    def _come_back(self, event: Event, signal: Signal) -> Incident | None:
        """Reopen the incident of the group that was resolved a moment ago, instead of a new one: the alert flaps."""
        within = event.raw.integration.reopen_within
        group = event.group(signal)
        pk = rows.just_resolved(group, self.at - within) if within else None
        if pk is None:
            return None
        self.write()
        self._hold({pk}, set())
        reason = f"It came back soon after it was over: {signal.summary}"
        reopened = lifecycle.reopen(self.incidents[pk], reason=reason, by=None, at=self.at)
        self.by_group[group] = self.incidents[pk] = reopened
        self.declared += 1
        event.made["reopened"] += 1
        return reopened

    def _storm(self, event: Event, signal: Signal) -> Incident | None:
        """The one incident for what comes in beyond the service's limit of open alerts; a P0 is never put there."""
        service, severity = event.service_of(signal), self.ranks.of(event, signal)
        if not service.alert_limit or (severity and severity.level == 0):
            return None
        waiting = sum(one.service_id == service.pk for one in self._fresh)
        if rows.open_alerts(service.pk) + waiting < service.alert_limit:
            return None
        group = (service.pk, STORM)
        if group not in self._groups_held:
            self._hold(set(), {group})
        if group not in self.by_group:
            words = f"Alert storm on {service}: {service.alert_limit} alerts are open, further ones are gathered here"
            lead = replace(signal, summary=words, group_key=STORM, labels={}, starts_at=None)
            storm = Event(event.raw, [lead], services={lead.dedup_key: service})
            incident = self._declare(storm, service, STORM)
            self.by_group[group] = self.incidents[incident.pk] = incident
            self.declared += 1
        event.made["put into the storm"] += 1
        return self.by_group[group]

    def _declare(self, event: Event, service: Service, group_key: str) -> Incident:
        """Declare what the event says of the group: the most severe of its alerts gives the level and the title."""
        group = (service.pk, group_key)
        firing = [one for one in event.signals if event.group(one) == group and one.action is Action.TRIGGER]
        lead = min(firing, key=lambda one: (self.ranks.of(event, one) or self.ranks.assumed).level)
        severity, route = self.ranks.of(event, lead), event.route_of(lead)
        detected_at = min(event.raw.received_at, self.at)
        starts = [one.starts_at for one in firing if one.starts_at and one.starts_at <= detected_at]
        return lifecycle.declare(
            Declaration(
                title=lead.summary[:LONGEST_TITLE],
                service=service,
                severity=severity or self.ranks.assumed,
                severity_assumed=severity is None,
                detection=Detection.MONITORING,
                detected_at=detected_at,
                impact_started_at=min(starts, default=None),
                group_key=group_key,
                policy=route.policy if route else "",
            ),
            by=None,
            at=self.at,
        )

    def _compare(self, event: Event, incident: Incident | None, alert: Alert) -> None:
        """Keep the most severe of the event's alerts that are above the incident's level."""
        severity = alert.severity
        if incident is None or severity is None or not incident.is_open or severity.level >= incident.severity_id:
            return
        other = event.worse.get(incident.pk)
        if other is None or other.severity_id is None or severity.level < other.severity_id:
            event.worse[incident.pk] = alert

    def _raise_or_propose(self, event: Event, incident: Incident | None, alert: Alert) -> None:
        """Raise a level that monitoring alone has set, so that the right people are paged; else a person decides."""
        severity = alert.severity
        if incident is None or severity is None:
            return
        because = f"An alert says “{alert.level_word}”: {alert.summary}"
        if incident.declared_by_id or incident.severity_changes.filter(by__isnull=False).exists():
            self._propose(incident, severity, because[:200])
            return
        self.write()
        raised = grading.change_severity(incident, to=severity, reason=because, by=None, at=self.at)
        self.incidents[incident.pk] = raised
        if incident.group_key:
            self.by_group[incident.service_id, incident.group_key] = raised
        event.made["severity raised"] += 1
        event.incidents.add(incident.ref)

    def _propose(self, incident: Incident, severity: Severity, because: str) -> None:
        """Propose a level in the place of a milder proposal that waits."""
        waiting = SeverityProposal.objects.filter(incident=incident, settled_at=None).first()
        if waiting and waiting.severity_id <= severity.level:
            return
        if waiting:
            waiting.settled_at = self.at
            waiting.save(update_fields=["settled_at"])
        SeverityProposal.objects.create(incident=incident, severity=severity, because=because, at=self.at)

    def _resolve_incident(self, event: Event, incident: Incident) -> None:
        """Resolve an incident once the last of its alerts is over."""
        if not incident.is_open or self.still_open[incident.pk]:
            return
        self.write()
        self.incidents[incident.pk] = lifecycle.resolve(incident, by=None, at=self.at)
        self.by_group.pop((incident.service_id, incident.group_key), None)
        event.made["incidents resolved"] += 1
        event.incidents.add(incident.ref)

    def _touch(self, alert: Alert) -> None:
        if alert.pk:
            self._changed[alert.pk] = alert

    def _tell(self, incident: Incident | None, text: str, alert: Alert) -> None:
        if incident:
            self._lines.append((incident, text, alert))

    def write(self) -> None:
        """Write what has changed so far: ends before beginnings, since one key has one open alert at most."""
        rows.update(list(self._changed.values()))
        Alert.objects.bulk_create(self._fresh)
        lines = [
            timeline.Line(incident, EntryKind.ALERT, text, data={"alert": alert.pk})
            for incident, text, alert in self._lines
        ]
        if lines:
            timeline.write(lines, at=self.at)
            told = {line.incident.pk: line.incident for line in lines}
            rewriting.save(told.values(), ["timeline_seq"])
        self._changed, self._fresh, self._lines = {}, [], []


def _signals(events: Sequence[Event]) -> Iterator[tuple[Event, Signal]]:
    for event in events:
        for signal in event.signals:
            yield event, signal
