"""Write action items down, give them to somebody, close them with a proof: the only module that writes them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from incidents import due
from incidents.models import Incident, Membership, Notice, Rank, User
from incidents.refusals import Invalid, StaleVersion
from incidents.states import Kind
from postmortems import digests, reminding
from postmortems.models import ActionDeadline, ActionItem, ActionKind, ActionStatus, Origin, Term, Why

REPAIR_WINDOW = timedelta(days=7)  # how far back a lost hook is looked for
LONGEST_TITLE = 200  # characters
LONGEST_TEXT = 10_000  # characters
DEFAULT_DAYS = 30  # for a level that somebody has taken the deadline from
FARTHEST = timedelta(days=5 * 366)
BY_THEMSELVES = {"declared", "severity"}  # the moves after which a level may make an action item


@dataclass(frozen=True)
class Plan:
    """What is to be done, by whom, until when, and for what it is good."""

    title: str
    owner: User | None
    due_date: date | None = None  # None = the deadline of the severity
    kind: str = ActionKind.PREVENT
    term: str = Term.MEDIUM
    detail: str = ""
    root_causes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ending:
    """How far it is, and the proof that it works or the reason why it is not done."""

    status: str = ActionStatus.OPEN
    verified_how: str = ""
    dropped_because: str = ""


def deadline(incident: Incident, at: datetime) -> date:
    """The day that is proposed for an action item of this incident (1 query)."""
    days = ActionDeadline.objects.filter(severity=incident.severity_id).values_list("days", flat=True).first()
    return at.date() + timedelta(days=days or DEFAULT_DAYS)


@transaction.atomic
def add(incident: Incident, plan: Plan, *, by: User, at: datetime) -> ActionItem:
    """Write an action item down and tell its owner.

    Raises:
        Invalid: no owner, or something else that cannot be right.
    """
    causes = _check(incident, plan, at)
    item = ActionItem(incident=incident, created_by=by, created_at=at)
    _take(item, plan, at)
    item.remind_at = reminding.next_reminder(item, after=at)
    item.save()
    item.root_causes.set(causes)
    digests.begin(item.owner, at)
    _tell_owner(item, by, at)
    return item


@transaction.atomic
def edit(
    item: ActionItem, plan: Plan, ending: Ending, *, by: User, at: datetime, version: int | None = None
) -> ActionItem:
    """Change an action item; who closes it says how it was seen to work, or why it is dropped.

    Raises:
        Invalid: something that cannot be right.
        StaleVersion: it changed since ``version``.
    """
    rows = ActionItem.objects.select_for_update(no_key=True, of=("self",)).select_related("incident", "owner")
    known = rows.get(pk=item.pk)
    if version is not None and version != known.version:
        raise StaleVersion(f"Somebody changed “{known}” meanwhile: {known.get_status_display()}. Look again.")
    causes = _check(known.incident, plan, at, known)
    before = known.owner
    _take(known, plan, at)
    _end(known, ending, by, at)
    known.version += 1
    known.remind_at = reminding.next_reminder(known, after=at) if known.is_unfinished else None
    known.save()
    known.root_causes.set(causes)
    digests.begin(known.owner, at)
    if known.owner != before and known.is_unfinished:
        _tell_owner(known, by, at)
    return known


def plan_of(item: ActionItem) -> Plan:
    """What is planned now, to be changed in part (1 query)."""
    causes = tuple(item.root_causes.order_by("pk").values_list("pk", flat=True))
    return Plan(item.title, item.owner, item.due_date, item.kind, item.term, item.detail, causes)


def ending_of(item: ActionItem) -> Ending:
    """How far it is now."""
    return Ending(item.status, item.verified_how, item.dropped_because)


def on_move(incident: Incident, move: str, at: datetime) -> None:
    """The hook of the ground floor: a planned level and an unknown cause leave an action item (R-22, R-35, I07)."""
    if move in BY_THEMSELVES and incident.is_open:
        make_backlog(incident, at)
    if move == "resolved" and incident.not_yet_because:
        _make(incident, Origin.CAUSE, f"Find the root cause of: {incident.title}", incident.not_yet_because, at)


def make_backlog(incident: Incident, at: datetime) -> int:
    """Write the item of a level that is only planned; returns how many there were to write (2 queries and up)."""
    if incident.kind in (*Kind.scaled, *Kind.silent):
        return 0
    if not ActionDeadline.objects.filter(severity=incident.severity_id, made_on_declare=True).exists():
        return 0
    return _make(incident, Origin.BACKLOG, incident.title, "", at)


def write_missing(at: datetime) -> due.Done:
    """Write the item of each incident whose hook was lost: the due source ``backlog``."""
    return due.do_set("backlog", unwritten(at), lambda some, at: sum(_write_one(pk, at) for pk in some), at)


def unwritten(at: datetime) -> QuerySet[Incident]:
    """Open incidents of a planned level that were declared lately and have no item of their own."""
    own = ActionItem.objects.filter(incident=OuterRef("pk"), origin=Origin.BACKLOG)
    levels = ActionDeadline.objects.filter(made_on_declare=True).values("severity")
    recent = Incident.objects.open().filter(declared_at__gt=at - REPAIR_WINDOW, severity__in=levels)
    return recent.exclude(kind__in=(*Kind.scaled, *Kind.silent)).filter(~Exists(own)).order_by("declared_at", "pk")


@transaction.atomic
def _write_one(pk: int, at: datetime) -> int:
    rows = Incident.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    wanted = rows.select_related("service", "held_by", "acknowledged_by", "declared_by").filter(pk=pk)
    incident = wanted.first()
    return make_backlog(incident, at) if incident else 0


def _make(incident: Incident, origin: Origin, title: str, detail: str, at: datetime) -> int:
    item = ActionItem(
        incident=incident,
        origin=origin,
        title=title[:LONGEST_TITLE],
        detail=detail,
        owner=_somebody(incident),
        due_date=deadline(incident, at),
        created_at=at,
    )
    item.remind_at = reminding.next_reminder(item, after=at)
    rows = ActionItem.objects.filter(incident=incident, origin=origin)
    digests.begin(item.owner, at)
    return 0 if rows.exists() else len(ActionItem.objects.bulk_create([item], ignore_conflicts=True))


def _somebody(incident: Incident) -> User | None:
    """Who has the incident, declared it, leads the team, or is of the team, in this order."""
    for person in (incident.held_by, incident.acknowledged_by, incident.declared_by):
        if person and person.is_active:
            return person
    team = Membership.objects.filter(team=incident.service.team_id, user__is_active=True).select_related("user")
    members = sorted(team, key=lambda member: (member.rank != Rank.LEAD, not member.is_manager, member.pk))
    return members[0].user if members else None


def _take(item: ActionItem, plan: Plan, at: datetime) -> None:
    item.title, item.detail = " ".join(plan.title.split()), plan.detail.strip()
    item.owner, item.kind, item.term = plan.owner, plan.kind, plan.term
    item.due_date = plan.due_date or deadline(item.incident, at)


def _end(item: ActionItem, ending: Ending, by: User, at: datetime) -> None:
    """Take on the wanted status."""
    proof, reason = ending.verified_how.strip(), ending.dropped_because.strip()
    if ending.status not in ActionStatus.values:
        raise Invalid("status", f"Choose one of: {', '.join(ActionStatus.values)}.")
    if ending.status == ActionStatus.DONE and not proof:
        raise Invalid("verified_how", "Say how it was seen to work: a test, a rehearsal, a graph, an alarm that came.")
    if ending.status == ActionStatus.DROPPED and not reason:
        raise Invalid("dropped_because", "Say why it is not done.")
    if max(len(proof), len(reason)) > LONGEST_TEXT:
        raise Invalid("verified_how", f"Keep it to {LONGEST_TEXT:,} characters.")
    changed = ending.status != item.status
    item.status, item.verified_how, item.dropped_because = ending.status, proof, reason
    if item.is_unfinished:
        item.closed_at = item.closed_by = None
    elif changed:
        item.closed_at, item.closed_by = at, by


def _check(incident: Incident, plan: Plan, at: datetime, known: ActionItem | None = None) -> Collection[Why]:
    """The root causes that the plan names.

    Raises:
        Invalid: something that cannot be right.
    """
    title = " ".join(plan.title.split())
    if not title:
        raise Invalid("title", "Say what is to be done. Begin with a verb: limit, alert, rehearse, remove.")
    if len(title) > LONGEST_TITLE:
        raise Invalid("title", f"Keep it to {LONGEST_TITLE} characters; the details take the rest.")
    if len(plan.detail) > LONGEST_TEXT:
        raise Invalid("detail", f"Keep it to {LONGEST_TEXT:,} characters.")
    if plan.owner is None:
        raise Invalid("owner", "Name one person who owns it: what nobody owns is not done.")
    if not plan.owner.is_active and (known is None or known.owner != plan.owner):
        raise Invalid("owner", f"{plan.owner} is not active any more.")
    if incident.private and not Incident.objects.visible_to(plan.owner).filter(pk=incident.pk).exists():
        raise Invalid("owner", f"{plan.owner} has no part in this private incident and could not see it.")
    if plan.kind not in ActionKind.values:
        raise Invalid("kind", f"Choose one of: {', '.join(ActionKind.values)}.")
    if plan.term not in Term.values:
        raise Invalid("term", f"Choose one of: {', '.join(Term.values)}.")
    _check_date(plan.due_date, at, known)
    mine = Why.objects.filter(postmortem__incident=incident, is_root_cause=True, removed_at=None)
    causes = list(mine.filter(pk__in=plan.root_causes))
    if len(causes) < len(set(plan.root_causes)):
        raise Invalid("root_causes", "One of these is no root cause of this postmortem.")
    return causes


def _check_date(wanted: date | None, at: datetime, known: ActionItem | None) -> None:
    if wanted is None or (known and known.due_date == wanted):
        return
    if wanted < at.date() - timedelta(days=1):  # yesterday is still today somewhere
        raise Invalid("due", "This day is over. Choose one that lies ahead.")
    if wanted > at.date() + FARTHEST:
        raise Invalid("due", "Choose a day within the next five years.")


def _tell_owner(item: ActionItem, by: User, at: datetime) -> None:
    if item.owner is None or item.owner == by:
        return
    Notice.objects.create(
        person=item.owner,
        incident=item.incident,
        subject=f"{item.incident.prefix}Yours by {item.due_date}: {item.title}"[:200],
        text=f"{by} gave you an action item of {item.incident.ref}, due {item.due_date}: {item.title}",
        path=f"/action-items/{item.pk}/",
        channels=reminding.CHANNELS,
        due_at=at,
        dedupe_key=f"action-owner:{item.pk}:{item.version}",
    )
