"""The assessment of a live incident: what changed of it becomes a proposal, which a person accepts or not (R-26, C-19).

Nothing here changes a severity.
"""

from datetime import datetime

from django.db import transaction

from incidents import moves, questions
from incidents.assessment import lower
from incidents.models import EntryKind, Incident, Question, Severity, SeverityProposal, User
from incidents.refusals import Invalid, TransitionError


@transaction.atomic
def answer(
    incident: Incident, given: dict[str, str], *, by: User, at: datetime, version: int | None = None
) -> Incident:
    """Answer the five questions anew; a level other than the present one is proposed with its reasons.

    Raises:
        Invalid: nothing is answered, or an answer does not exist.
        TransitionError: it is over.
        StaleVersion: it changed since ``version``.
    """
    locked = moves.lock(incident, version, at)
    moves.require_open(locked)
    found = questions.suggest(given)
    if found is None:
        raise Invalid("assessment", "Answer at least one question that speaks for a level.")
    locked.assessment = given
    locked.suggested_severity, locked.suggested_because = found.severity, found.because[:600]
    if found.severity == locked.severity:
        text = f"Assessed: the answers speak for {found.severity.label} as it is ({found.because})."
        moves.tell(locked, EntryKind.SEVERITY, text, by, at)
        settle(locked, at)
    else:
        propose(locked, found.severity, found.because, by, at)
    return moves.finish(locked, "assessed", at)


@transaction.atomic
def keep(incident: Incident, *, by: User, at: datetime) -> Incident:
    """Leave the level as it is although another is proposed.

    Raises:
        TransitionError: nothing is proposed.
    """
    locked = moves.lock(incident, None, at)
    waiting = SeverityProposal.objects.filter(incident=locked, settled_at=None).select_related("severity").first()
    if waiting is None:
        raise TransitionError("Nothing is proposed any more.")
    settle(locked, at)
    text = f"{locked.severity.label} stays; {waiting.severity.label} was proposed."
    moves.tell(locked, EntryKind.SEVERITY, text, by, at)
    return moves.finish(locked, "assessed", at)


def follow_impact(incident: Incident, *, percent_before: int | None, workaround_before: str, at: datetime) -> None:
    """Re-assess when the scope or the workaround of an open incident changed; the caller holds the lock and saves."""
    if not incident.is_open:
        return
    changed = {}
    if incident.affected_percent != percent_before and incident.affected_percent is not None:
        changed[Question.SCOPE.value] = questions.scope_of(incident.affected_percent)
    if bool(incident.workaround) != bool(workaround_before):
        changed[Question.WORKAROUND.value] = questions.workaround(bool(incident.workaround))
    fitting = {question: row for question, row in changed.items() if row is not None}
    if not fitting:
        return
    known = dict(incident.assessment)
    incident.assessment = known | {question: row.word for question, row in fitting.items()}
    found = questions.suggest(incident.assessment) if set(known) - set(changed) else _from(incident, fitting)
    if found is None or found.severity == incident.severity:
        settle(incident, at)
    else:
        incident.suggested_severity, incident.suggested_because = found.severity, found.because[:600]
        propose(incident, found.severity, found.because, None, at)


def _from(incident: Incident, changed: dict[str, questions.AssessmentAnswer]) -> questions.Suggested | None:
    """Without earlier answers the present level is the ground: more users raise it, a workaround lowers it by one."""
    scope, way_out = changed.get(Question.SCOPE), changed.get(Question.WORKAROUND)
    level = incident.severity_id
    reasons = []
    if scope and scope.level_id is not None and scope.level_id < level:
        level = scope.level_id
        reasons.append(scope.because)
    steps = way_out.shift if way_out else 0
    if lower(level, steps) != level:
        level = lower(level, steps)
        reasons.append(way_out.because if way_out else "")
    return questions.Suggested(Severity.objects.get(level=level), "; ".join(reasons)) if reasons else None


def propose(incident: Incident, severity: Severity, because: str, by: User | None, at: datetime) -> None:
    """Let one proposal wait, the newest; the caller holds the lock."""
    settle(incident, at)
    SeverityProposal.objects.create(incident=incident, severity=severity, because=because[:200], at=at)
    text = f"{severity.label} is proposed instead of {incident.severity.label}: {because}. A person decides."
    moves.tell(incident, EntryKind.SEVERITY, text, by, at)


def settle(incident: Incident, at: datetime) -> None:
    """Let no proposal wait."""
    SeverityProposal.objects.filter(incident=incident, settled_at=None).update(settled_at=at)
