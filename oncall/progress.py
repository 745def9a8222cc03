"""How far an escalation has climbed, as the incident page tells it: the rows of its ladder, its chip."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from incidents.models import Incident
from incidents.states import Kind
from incidents.templatetags.tocsin import soon_from
from oncall import escalation, standing
from oncall.models import Act, Escalation, EscalationStep, Page, RunState, StepState
from oncall.standing import NONE, Next, Rung, Standing
from oncall.wording import say_names

LATE = timedelta(seconds=30)  # from here on a level that has not fired is late


@dataclass(frozen=True)
class Row:
    """One line of the ladder. ``look`` is done, now, bad, off or empty (to come)."""

    look: str
    icon: str
    title: str
    detail: str
    due_at: datetime | None = None  # of the next act: counted down


@dataclass(frozen=True)
class Told:
    """A line of the history."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Card:
    """Everything that the escalation card shows."""

    standing: Standing
    rows: tuple[Row, ...]
    since: datetime | None  # start of the present wait
    verdict: str  # why nothing is waited for; empty while the ladder climbs
    alarm: str  # nobody could be reached, or the escalation itself fails
    history: tuple[Told, ...]  # what earlier rounds and runs did, the oldest first
    policy_differs: bool = False  # the policy was edited since the run copied it


@dataclass(frozen=True)
class Chip:
    """The escalation among the clocks. ``look`` is met, run, soon, missed or wait."""

    look: str
    icon: str
    label: str
    words: str
    due_at: datetime | None
    explanation: str


def card(incident: Incident, at: datetime) -> Card:
    """The escalation card (at most 24 queries, however long the ladder)."""
    stands = standing.of(incident)
    run = stands.run
    if run is None:
        return Card(stands, (), None, _verdict(incident, stands), "", ())
    pages = list(Page.objects.filter(run=run).select_related("person").order_by("created_at", "person__name", "pk"))
    asked_again = [page for page in pages if page.is_reminder]
    pages = [page for page in pages if not page.is_reminder]
    here = [page for page in pages if page.loop == run.loop]
    expected = standing.expected(incident, stands.next, at) if stands.next else []
    names = say_names([str(one.person) for one in expected])
    rows = [
        _row(rung, [page for page in here if page.level == rung.step.level], stands.next, names, at)
        for rung in stands.present
    ]
    return Card(
        standing=stands,
        rows=(*rows, *_reminder(run, asked_again), *_last_rows(stands, [one for one in pages if not one.level], names)),
        since=_since(stands),
        verdict=_verdict(incident, stands),
        alarm=_alarm(run, [page for page in pages if page.level == 0]),
        history=_history(stands, run),
        policy_differs=run.state != RunState.ENDED and escalation.differs(run, incident),
    )


def chip(incident: Incident, at: datetime) -> Chip:
    """The escalation's chip in the clocks row (at most 4 queries)."""
    stands = standing.of(incident)
    reach = f"level {stands.level} of {stands.levels}"
    if stands.next is not None:
        return _running(stands, stands.next, at)
    verdict = _verdict(incident, stands)
    if stands.state == RunState.EXHAUSTED:
        return Chip("missed", "circle-alert", "Escalation exhausted", stands.why.lower(), None, verdict)
    if stands.state == RunState.PARKED and stands.why in {"acknowledged", "mitigated"}:
        return Chip("met", "check", "Escalation stopped", f"{stands.why}, {reach}", None, verdict)
    if stands.state == RunState.PARKED:
        return Chip(
            "wait", "chevrons-up", f"Escalation {stands.level} of {stands.levels}", "goes no further", None, verdict
        )
    if stands.state == RunState.ENDED:
        return Chip("wait", "chevrons-up", "Escalation over", stands.why, None, verdict)
    return Chip(
        "wait", "chevrons-up", "Escalation", "none" if incident.kind in Kind.silent else "begins", None, verdict
    )


def _running(stands: Standing, coming: Next, at: datetime) -> Chip:
    label = f"Escalation {stands.level} of {stands.levels}"
    if stands.round > 1:
        label += f", round {stands.round}"
    since = _since(stands)
    soon = since is not None and at >= soon_from(coming.due_at, since)
    look = "missed" if at - coming.due_at > LATE else "soon" if soon else "run"
    whom = coming.whom.replace(" and ", " + ") if coming.what != "round" else f"round {stands.round + 1}"
    rule = f"{stands.run.policy_name if stands.run else ''}: next {coming.whom} at {clock(coming.due_at)}"
    condition = f" {standing.say_condition(coming.condition)}" if coming.what == "level" else " if nobody answers"
    return Chip(look, "chevrons-up", label, whom, coming.due_at, f"{rule}{condition.rstrip()}.")


def _row(rung: Rung, pages: Sequence[Page], coming: Next | None, names: str, at: datetime) -> Row:
    step, whom = rung.step, rung.whom[:1].upper() + rung.whom[1:]
    if step.state == StepState.FIRED:
        return _fired(step, whom, pages)
    if step.state == StepState.SKIPPED:
        when = clock(step.fired_at) if step.fired_at else ""
        return Row("bad", "user-x", f"{whom}: nobody", f"reached nobody at {when}")
    if step.state in (StepState.PARKED, StepState.CANCELLED):
        return Row("off", "circle-minus", whom, f"not needed: {step.outcome}" if step.outcome else "not needed")
    condition = f"{rung.condition} by {clock(step.due_at)}" if rung.condition else f"at {clock(step.due_at)}"
    if coming and coming.what == "level" and coming.due_at == step.due_at:
        now = step.due_at <= at
        who = names if coming.level == step.level else ""
        return Row(
            "now",
            "chevrons-up",
            whom,
            "; ".join(part for part in (condition, who) if part),
            None if now else step.due_at,
        )
    return Row("", "circle", whom, condition)


def _fired(step: EscalationStep, whom: str, pages: Sequence[Page]) -> Row:
    when = clock(step.fired_at) if step.fired_at else ""
    names = say_names([str(page.person) for page in pages])
    title = f"{whom}: {names}" if names else whom
    if step.act == Act.INFORM:
        return Row("done", "megaphone", title, f"told {when}, no answer asked" if pages else "nobody else to tell")
    answers = [page.acknowledged_at for page in pages if page.acknowledged_at]
    if len(pages) == 1 and answers:
        return Row("done", "check", title, f"paged {when}, answered {clock(answers[0])}")
    some = len(pages) > 1
    said = f"{len(answers)} of {len(pages)} answered" if some else "no answer"
    waits = any(page.ended_at is None and page.acknowledged_at is None for page in pages)
    return Row(
        "done",
        "check" if answers else "phone-outgoing",
        title,
        f"paged {when}, {said}{(' so far' if some else ' yet') if waits else ''}",
    )


def _last_rows(stands: Standing, fallback: Sequence[Page], names: str) -> list[Row]:
    """What lies beyond the ladder: another round, or the fallback contact."""
    rows = []
    if fallback:
        who = say_names([str(page.person) for page in fallback])
        rows.append(Row("done", "life-buoy", f"Fallback contact: {who}", f"paged {clock(fallback[0].created_at)}"))
    coming = stands.next
    if coming and coming.what == "round":
        title = f"Round {stands.round + 1} of {stands.rounds}"
        rows.append(Row("now", "repeat", title, f"if nobody answers by {clock(coming.due_at)}", coming.due_at))
    if coming and coming.what == "fallback":
        detail = f"if nobody answers by {clock(coming.due_at)}; {names or 'nobody can be reached'}"
        rows.append(Row("now", "life-buoy", "Fallback contact", detail, coming.due_at))
    return rows


def _reminder(run: Escalation, pages: Sequence[Page]) -> list[Row]:
    """Those who were asked again, since nothing was heard of them or nobody has it."""
    if not pages:
        return []
    last = [page for page in pages if page.created_at == pages[-1].created_at]
    title = f"Asked again: {say_names([str(page.person) for page in last])}"
    if run.asked_at and run.check_at:
        detail = f"without an answer the ladder goes on at {clock(run.check_at)}"
        return [Row("now", "phone-outgoing", title, detail, run.check_at)]
    return [Row("done", "phone-outgoing", title, f"paged {clock(last[0].created_at)}")]


def _since(stands: Standing) -> datetime | None:
    """When the present wait began: at the last act, else at the start of the contract."""
    if stands.run is None:
        return None
    fired = [rung.step.fired_at for rung in stands.rungs if rung.step.fired_at]
    return max(fired, default=stands.run.started_at)


def _verdict(incident: Incident, stands: Standing) -> str:
    """Why nothing is waited for, in a sentence."""
    if stands.state == NONE:
        if incident.kind in Kind.silent:
            return "Written down afterwards: nobody is paged."
        return "The escalation begins in a moment." if incident.is_open else "Nobody was paged."
    if stands.state == RunState.PARKED:
        if stands.run and stands.run.snoozed_until:
            return f"Snoozed until {stands.run.snoozed_until:%a %H:%M} UTC: nobody is called before."
        if stands.why == "acknowledged":
            return f"Stopped: {incident.held_by} has it since {clock(incident.held_since)} UTC.{_say_check(stands)}"
        return f"Stopped: {stands.why}."
    if stands.state == RunState.ENDED:
        return f"Over: {stands.why}."
    return ""


def _say_check(stands: Standing) -> str:
    """When who has it is asked whether they still do."""
    run = stands.run
    if run is None or run.check_at is None or run.asked_at:
        return ""
    return f" Without a sign of life they are paged again at {clock(run.check_at)}."


def _alarm(run: Escalation, fallback: Sequence[Page]) -> str:
    """What must be said in red."""
    if run.state == RunState.EXHAUSTED:
        if fallback:
            return f"{run.why}. Only the fallback contact has been paged: call somebody."
        return f"{run.why}, and there is no fallback contact who can be reached. Nobody has been told: call somebody."
    if run.attempts:
        times = "once" if run.attempts == 1 else f"{run.attempts} times"
        return f"The escalation failed {times} and is tried again. Page people by hand meanwhile."
    return ""


def _history(stands: Standing, run: Escalation) -> tuple[Told, ...]:
    """What rounds and runs before the present one did."""
    earlier = [step for step in stands.history if step.run_id != run.pk or step.loop != run.loop]
    return tuple(Told(step.fired_at, step.outcome) for step in earlier if step.fired_at)


def clock(moment: datetime | None) -> str:
    """The time of day in UTC to the second, as the ladder tells it."""
    return f"{moment.astimezone(UTC):%H:%M:%S}" if moment else ""
