"""The ladder of a policy in words, and as a beginning for another policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from oncall.models import Act, EscalationLevel, EscalationPolicy, EscalationTarget
from oncall.policies import as_json
from oncall.wording import Names, say_condition, say_options, say_span, say_targets

TARGETS = ("targets__schedule", "targets__user")  # what the words need loaded


@dataclass(frozen=True)
class Rung:
    """A level of a policy and what it does: “5 min, if not mitigated: page team leads”."""

    level: EscalationLevel
    words: str


def rungs(policy: EscalationPolicy) -> list[Rung]:
    """The levels in the order in which they fall due, in words (4 queries)."""
    levels = policy.levels.prefetch_related(*TARGETS).order_by("after", "position", "pk")
    return [Rung(level, say(level)) for level in levels]


def say(level: EscalationLevel) -> str:
    """One level in words; ``TARGETS`` are prefetched."""
    conditions = [_say_delay(level), say_condition(level.condition)]
    targets = sorted(level.targets.all(), key=lambda row: row.pk)
    deeds = []
    if targets:
        verb = "page" if level.act == Act.PAGE else "inform"
        whom = say_targets([as_json(target) for target in targets], _names(targets))
        deeds.append(", ".join([f"{verb} {whom}", *say_options(level)]))
    if level.task_title:
        deeds.append(f"ask the Communications Lead to “{level.task_title}”")
    if level.proposes_id is not None:
        deeds.append(f"propose P{level.proposes_id}")
    return f"{', '.join(filter(None, conditions))}: {'; '.join(deeds) or 'nothing'}"


def copied(source: EscalationPolicy) -> list[tuple[EscalationLevel, list[EscalationTarget]]]:
    """The levels of a policy with their targets as new, unsaved rows, in their order (2 queries)."""
    copies = []
    for level in source.levels.prefetch_related("targets").order_by("position", "pk"):
        targets = sorted(level.targets.all(), key=lambda row: row.pk)
        for row in (level, *targets):
            row.pk, row._state.adding = None, True
        copies.append((level, targets))
    return copies


def _names(targets: Sequence[EscalationTarget]) -> Names:
    return Names(
        {target.schedule.pk: target.schedule.name for target in targets if target.schedule},
        {target.user.pk: target.user.name for target in targets if target.user},
    )


def _say_delay(level: EscalationLevel) -> str:
    if level.after == timedelta(0):
        return "At once"
    return say_span(level.after) + (" of business hours" if level.business_hours else "")
