"""By which ways and when a page reaches its person: the severity's channels, personal rules, quiet hours. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from incidents.business_hours import BusinessHours
from incidents.models import Incident, User
from oncall.models import Act, Band, Channel, ContactMethod, NotificationRule, Reachability

NEVER_INTERRUPTS = {Channel.VOICE}  # ways that “inform” does not use: nobody is asked to answer
FLOOR = 1  # P0 and P1 use every channel of their severity, whatever the personal rules say (RULES section 9)
LAST_NOW = 2  # P0 to P2 page now, P3 and P4 can wait
NEVER_HELD = {Channel.IN_APP, Channel.CANARY}  # ways that disturb nobody
OFFICE = {Channel.VOICE, Channel.SMS, Channel.CHAT, Channel.PUSH}  # without own rules these wait for working hours


@dataclass(frozen=True)
class Planned:
    """One message to be: this method, not before this instant (UTC), and why it waits."""

    method: ContactMethod
    not_before: datetime
    held: str = ""


@dataclass(frozen=True)
class Quiet:
    """Quiet hours on a person's own clock; they may cross midnight."""

    start: time
    end: time

    def over(self, moment: datetime, person: User) -> datetime:
        """The first instant from ``moment`` on that is not quiet, UTC."""
        local = moment.astimezone(person.zone)
        now, start, end = local.time(), self.start, self.end
        quiet = start <= now < end if start < end else now >= start or now < end
        if start == end or not quiet:
            return moment
        day = local.date() + timedelta(days=1 if now >= end else 0)
        return datetime.combine(day, end, person.zone).astimezone(UTC)


@dataclass(frozen=True)
class Wishes:
    """What a person says of how they want to be reached."""

    rules: Mapping[str, Sequence[tuple[str, timedelta]]] = field(default_factory=dict)  # by band, the earliest first
    quiet: Quiet | None = None
    fallback: int | None = None  # a contact method


NONE = Wishes()


def band_of(level: int) -> Band:
    """The band of a severity."""
    return Band.PAGE_NOW if level <= LAST_NOW else Band.CAN_WAIT


def wishes_of(user_ids: Collection[int]) -> dict[int, Wishes]:
    """What these people said (2 queries); who said nothing is missing."""
    rules: dict[int, dict[str, list[tuple[str, timedelta]]]] = {}
    for rule in NotificationRule.objects.filter(user__in=user_ids).order_by("delay", "pk"):
        rules.setdefault(rule.user_id, {}).setdefault(rule.band, []).append((rule.channel, rule.delay))
    settings = {row.pk: row for row in Reachability.objects.filter(user__in=user_ids)}
    return {pk: _wishes(rules.get(pk, {}), settings.get(pk)) for pk in {*rules, *settings}}


def _wishes(rules: Mapping[str, Sequence[tuple[str, timedelta]]], row: Reachability | None) -> Wishes:
    if row is None:
        return Wishes(rules)
    begins, ends = row.quiet_from, row.quiet_until
    quiet = None if begins is None or ends is None else Quiet(begins, ends)
    return Wishes(rules, quiet, row.fallback_method_id)


def plan(
    person: User,
    wishes: Wishes,
    methods: Sequence[ContactMethod],
    incident: Incident,
    act: str,
    at: datetime,
    hours: BusinessHours | None,
) -> list[Planned]:
    """Every message of a page that is made ``at``, the earliest first; ``methods`` are verified and in use.

    ``hours`` are the owning team's, for what can wait.
    """
    band = band_of(incident.severity_id)
    own = wishes.rules.get(band, ()) if act == Act.PAGE else ()
    first: dict[str, ContactMethod] = {}
    for method in methods:
        first.setdefault(method.channel, method)
    pairs = [(way, timedelta(0)) for way in _floor(incident, act, has_rules=bool(own))]
    pairs += [(channel, incident.scaled(delay)) for channel, delay in own]
    wanted = [(first[channel], delay) for channel, delay in dict.fromkeys(pairs) if channel in first]
    if methods and not any(not delay or band == Band.CAN_WAIT for _, delay in wanted):
        wanted.insert(0, (_fallback(wishes, methods), timedelta(0)))
    planned = [Planned(method, at + delay) for method, delay in sorted(wanted, key=lambda row: row[1])]
    if band == Band.PAGE_NOW:
        return planned
    return [_held(one, person, wishes, None if own else hours) for one in planned]


def _floor(incident: Incident, act: str, *, has_rules: bool) -> list[str]:
    """The channels that the severity itself asks for, at once."""
    ways = [*incident.severity.channels, Channel.SANDBOX]
    if act == Act.INFORM:
        return [way for way in dict.fromkeys([*ways, Channel.PUSH, Channel.IN_APP]) if way not in NEVER_INTERRUPTS]
    return [Channel.SANDBOX] if has_rules and incident.severity_id > FLOOR else ways


def _fallback(wishes: Wishes, methods: Sequence[ContactMethod]) -> ContactMethod:
    return next((method for method in methods if method.pk == wishes.fallback), methods[0])


def _held(one: Planned, person: User, wishes: Wishes, hours: BusinessHours | None) -> Planned:
    """Hold what can wait until the person's quiet hours are over, or where nothing was said until work begins."""
    if one.method.channel in NEVER_HELD:
        return one
    if wishes.quiet:
        until = wishes.quiet.over(one.not_before, person)
        return Planned(one.method, until, "quiet hours") if until > one.not_before else one
    if hours is None or one.method.channel not in OFFICE:
        return one
    until = hours.after(one.not_before, timedelta(0))
    return Planned(one.method, until, "working hours") if until > one.not_before else one
