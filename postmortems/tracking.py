"""Send action items to trackers and learn what became of them: the only module that writes issues."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet

from incidents import due, sealing
from incidents.models import Incident, Notice, User
from incidents.refusals import Conflict, Invalid
from postmortems import reminding, trackers
from postmortems.models import ActionItem, Issue, Tracker
from postmortems.trackers import Found, Place, TrackerError

LEASE = timedelta(minutes=2)  # an exchange that takes longer is begun anew
EVERY = timedelta(minutes=15)  # between two looks at an issue
LONGEST_REST = timedelta(hours=6)


def offered(incident: Incident) -> QuerySet[Tracker]:
    """The trackers that an incident's action items may go to; those of a private one go nowhere."""
    mine = Q(team=None) | Q(team=incident.service.team_id)
    rows = Tracker.objects.filter(mine, is_active=True).exclude(sealed="").order_by("name")
    return rows.none() if incident.private else rows


@transaction.atomic
def push(item: ActionItem, tracker: Tracker, *, by: User, at: datetime) -> Issue:
    """Have an issue made for an action item; it happens soon, outside this transaction.

    Raises:
        Conflict: it is in a tracker already.
        Invalid: this tracker is not for it.
    """
    locked = ActionItem.objects.select_for_update(no_key=True, of=("self",)).select_related("incident__service")
    known = locked.get(pk=item.pk)
    if not offered(known.incident).filter(pk=tracker.pk).exists():
        raise Invalid("tracker", "Items of this incident are not sent there.")
    if Issue.objects.filter(action=known).exclude(key="", due_at=None).exists():
        raise Conflict("It is on its way to a tracker already, or there.")
    fresh = {"tracker": tracker, "asked_by": by, "asked_at": at, "due_at": at, "tries": 0, "last_error": ""}
    issue, _ = Issue.objects.update_or_create(action=known, defaults=fresh)
    due.ring_on_commit()
    return issue


def waiting(at: datetime) -> QuerySet[Issue]:
    """Issues to be made or looked at by now."""
    return Issue.objects.filter(due_at__isnull=False, due_at__lte=at, tracker__is_active=True)


def ring_due(at: datetime) -> due.Done:
    """Ring for each of them: the due source ``issues``. The network is the task's affair."""
    ids = list(waiting(at).order_by("due_at", "pk").values_list("pk", flat=True)[: due.BATCH])
    claimed = [pk for pk in ids if waiting(at).filter(pk=pk).update(due_at=at + LEASE, tries=F("tries") + 1)]
    bells = {due.Bell("postmortems.tasks.exchange_issue", "bulk", (("issue", str(pk)),)) for pk in claimed}
    return due.Done(rows=len(claimed), bells=bells)


def exchange(pk: int, at: datetime) -> None:
    """Make the issue, or look at it; whatever goes wrong is noted, and tried again unless that is no use."""
    rows = Issue.objects.select_related("tracker", "action__incident", "action__owner")
    issue = rows.filter(pk=pk, due_at__isnull=False).first()
    if issue is None:
        return
    try:
        found = _ask(issue)
    except TrackerError as trouble:
        _failed(issue, str(trouble), at, permanent=trouble.permanent)
    except sealing.Unreadable:
        _failed(issue, "The token was kept under another SECRET_KEY. Enter it anew.", at, permanent=True)
    else:
        _heard(issue, found, at)


def _ask(issue: Issue) -> Found:
    """The network part. Who tried before and heard nothing looks first, so that no issue is made twice."""
    tracker, item = issue.tracker, issue.action
    token = sealing.unseal(tracker.sealed)
    place = Place(tracker.name, tracker.base_url, tracker.project, tracker.account, token)
    there = trackers.ADAPTERS[tracker.kind](place)
    if issue.key:
        return there.look(issue.key)
    mark = f"tocsin-action-{item.pk}."
    known = there.find(mark) if issue.tries > 1 else None
    return known or there.make(f"{item.incident.prefix}{item.title}", _body(item, mark))


def _body(item: ActionItem, mark: str) -> str:
    whose = f"Owner: {item.owner}, due {item.due_date}." if item.owner else f"Due {item.due_date}."
    return "\n\n".join(filter(None, [item.detail, whose, f"From the postmortem of {item.incident.ref}. {mark}"]))


@transaction.atomic
def _heard(issue: Issue, found: Found, at: datetime) -> None:
    is_news = found.is_closed and not issue.is_closed and issue.action.is_unfinished
    over = found.is_closed and not issue.action.is_unfinished
    Issue.objects.filter(pk=issue.pk).update(
        key=found.key,
        url=found.url or issue.url,
        is_closed=found.is_closed,
        seen_at=at,
        tries=0,
        last_error="",
        due_at=None if over else at + EVERY,
    )
    if is_news:
        words = f"{found.key} is closed in {issue.tracker}: close “{issue.action}” with how it was seen to work"
        _tell(issue, issue.action.owner, words, "closed", at)


@transaction.atomic
def _failed(issue: Issue, words: str, at: datetime, *, permanent: bool) -> None:
    rest = min(LONGEST_REST, timedelta(minutes=2 ** min(issue.tries, 10)))
    Issue.objects.filter(pk=issue.pk).update(last_error=words[:300], due_at=None if permanent else at + rest)
    if permanent:
        _tell(issue, issue.asked_by, f"“{issue.action}” did not reach {issue.tracker}: {words}", "failed", at)


def _tell(issue: Issue, person: User | None, words: str, why: str, at: datetime) -> None:
    if person is None:
        return
    Notice.objects.get_or_create(
        dedupe_key=f"issue:{issue.pk}:{why}:{at:%Y%m%d%H%M}",
        defaults={
            "person": person,
            "incident": issue.action.incident,
            "subject": f"{issue.action.incident.prefix}{words}"[:200],
            "text": words,
            "path": f"/action-items/{issue.action_id}/",
            "channels": reminding.CHANNELS,
            "due_at": at,
        },
    )
