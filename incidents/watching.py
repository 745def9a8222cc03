"""Watchers and subscribers: who hears of an incident without taking part, gathered into digests (O30)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When

from incidents import due, rewriting
from incidents.models import Incident, Notice, Pace, Service, Severity, Subscription, Team, TimelineEntry, User, Watch
from incidents.refusals import Invalid

GATHER = {Pace.SOON: timedelta(seconds=30), Pace.HOURLY: timedelta(hours=1), Pace.DAILY: timedelta(days=1)}
LAPSES = timedelta(days=7)  # without change: then the watch ends
MOST_LINES = 20  # of one digest
NEWS = (
    *("declared", "acknowledged", "unacknowledged", "severity", "phase", "mitigated", "resolved", "reopened", "closed"),
    *("declined", "merged", "update", "decision"),
)


@transaction.atomic
def watch(incident: Incident, *, by: User, at: datetime, pace: str = Pace.SOON) -> Watch:
    """Hear of the incident from now on; again = at another pace.

    Raises:
        Invalid: there is no such pace.
    """
    if pace not in Pace.values:
        raise Invalid("pace", f"Use one of: {', '.join(Pace.values)}.")
    fresh = {"pace": pace, "since": at, "told_seq": incident.timeline_seq, "told_at": at}
    row, _ = Watch.objects.update_or_create(incident=incident, user=by, defaults={"pace": pace}, create_defaults=fresh)
    return row


@transaction.atomic
def unwatch(incident: Incident, *, by: User) -> None:
    """Hear of it no more."""
    Watch.objects.filter(incident=incident, user=by).delete()


@transaction.atomic
def subscribe(
    *, by: User, down_to: Severity, service: Service | None = None, team: Team | None = None, pace: str = Pace.SOON
) -> Subscription:
    """Watch each new incident of a service, a team, or of all; again = with other choices.

    Raises:
        Invalid: both a service and a team, or no such pace.
    """
    if service and team:
        raise Invalid("team", "Choose a service or a team; for both make two subscriptions.")
    if pace not in Pace.values:
        raise Invalid("pace", f"Use one of: {', '.join(Pace.values)}.")
    chosen = {"down_to": down_to, "pace": pace}
    row, _ = Subscription.objects.update_or_create(user=by, service=service, team=team, defaults=chosen)
    return row


@transaction.atomic
def unsubscribe(pk: int, *, by: User) -> None:
    """Take a subscription of one's own back; what is watched already stays watched."""
    Subscription.objects.filter(pk=pk, user=by).delete()


def on_move(incident: Incident, move: str, at: datetime) -> None:
    """The hook of each move: subscribers begin to watch, and what happened is due for everyone who watches."""
    if move in {"declared", "severity"}:
        _begin(incident, at)
    whens = [When(pace=pace.value, then=Value(at + span)) for pace, span in GATHER.items()]
    quiet = Watch.objects.filter(incident=incident, due_at=None)
    quiet.update(due_at=Case(*whens, output_field=DateTimeField()))


def _begin(incident: Incident, at: datetime) -> None:
    about = Q(service=None, team=None) | Q(service=incident.service_id) | Q(team=incident.service.team_id)
    wanted = Subscription.objects.filter(about, down_to__gte=incident.severity_id, user__is_active=True)
    rows = {
        one.user_id: Watch(incident=incident, user_id=one.user_id, pace=one.pace, since=at, told_seq=0, told_at=at)
        for one in wanted.order_by("pk")
    }
    if rows:
        Watch.objects.bulk_create(rows.values(), ignore_conflicts=True)


def waiting(at: datetime) -> QuerySet[Watch]:
    """Watches whose news have been gathered long enough."""
    return Watch.objects.filter(due_at__lte=at, user__is_active=True).order_by("due_at", "pk")


def tell_due(at: datetime) -> due.Done:
    """Send what was gathered: the due source ``watches``."""
    return due.do_set("watches", waiting(at), _tell, at)


@transaction.atomic
def _tell(ids: Sequence[int], at: datetime) -> int:
    rows = waiting(at).filter(pk__in=ids).select_for_update(skip_locked=True, of=("self",))
    found = list(rows.select_related("user", "incident__severity"))
    told = _news({row.incident_id: row.incident for row in found}, min((row.told_seq for row in found), default=0))
    notices, lapsed = [], []
    for row in found:
        news = [one for one in told.get(row.incident_id, []) if one.seq > row.told_seq]
        others = [one for one in news if one.actor_id != row.user_id]
        if others and others[0].recorded_at - row.told_at > LAPSES:
            lapsed.append(row.pk)
        elif others and _may_see(row):
            notices.append(_notice(row, others, at))
        row.told_seq, row.due_at = max(row.told_seq, *(one.seq for one in news), 0), None
        row.told_at = news[-1].recorded_at if news else row.told_at
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    rewriting.save(found, ["told_seq", "told_at", "due_at"])
    Watch.objects.filter(pk__in=lapsed).delete()
    return len(found)


def _news(incidents: dict[int, Incident], after: int) -> dict[int, list[TimelineEntry]]:
    rows = TimelineEntry.objects.filter(incident__in=incidents, kind__in=NEWS, seq__gt=after).standing()
    found: dict[int, list[TimelineEntry]] = {}
    for entry in rows.select_related("actor").order_by("incident_id", "seq"):
        found.setdefault(entry.incident_id, []).append(entry)
    return found


def _may_see(row: Watch) -> bool:
    """Asked only where not everybody may."""
    return not row.incident.private or Incident.objects.visible_to(row.user).filter(pk=row.incident_id).exists()


def _notice(row: Watch, news: Sequence[TimelineEntry], at: datetime) -> Notice:
    incident = row.incident
    lines = [
        f"{one.occurred_at:%H:%M} UTC {one.kind_label}{f' {one.actor}' if one.actor else ''}: {one.text[:200]}"
        for one in news[-MOST_LINES:]
    ]
    count = "1 change" if len(news) == 1 else f"{len(news)} changes"
    return Notice(
        person=row.user,
        incident=incident,
        subject=f"{incident.ref}: {count}, {incident.title}"[:200],
        text="\n".join([f"{incident.prefix}{incident.severity}: {incident.title}", *lines]),
        path=incident.get_absolute_url(),
        channels=["email", "in_app"],
        due_at=at,
        dedupe_key=f"watch:{row.pk}:{news[-1].seq}",
    )


def of(incident: Incident) -> list[Watch]:
    """Who watches, by name (1 query)."""
    rows = Watch.objects.filter(incident=incident, user__is_active=True).select_related("user")
    return list(rows.order_by("user__name", "pk"))


def mine(user: User) -> tuple[list[Subscription], list[Watch]]:
    """A person's subscriptions, and the incidents they watch that they may see, the newest first (2 queries)."""
    subscriptions = Subscription.objects.filter(user=user).select_related("service", "team", "down_to").order_by("pk")
    seen = Incident.objects.visible_to(user).values("pk")
    watches = Watch.objects.filter(user=user, incident__in=seen).select_related("incident__severity")
    return list(subscriptions), list(watches.order_by(F("incident__number").desc())[:100])
