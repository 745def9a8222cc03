"""Why a person is on call at an instant, in words: a layer's turn, an override, a swap, a temporary schedule."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from oncall import rota
from oncall.models import Override, OverrideKind


@dataclass(frozen=True)
class Reason:
    """What put somebody on call. ``words`` go after their name; ``note`` is what the one who did it wrote."""

    words: str
    icon: str
    note: str = ""
    by_hand: bool = False


def overrides_at(schedule_ids: Collection[int], at: datetime) -> dict[int, Override]:
    """The overrides in force at the instant by primary key, with their people (1 query)."""
    rows = Override.objects.filter(schedule__in=schedule_ids, start__lte=at, end__gt=at)
    return rows.select_related("person", "replaces", "by").in_bulk()


def why(row: rota.OnCall, overrides: Mapping[int, Override]) -> Reason:
    """Say what put the person there; ``overrides`` hold those in force."""
    if row.temporary is not None:
        return Reason("temporary schedule", "calendar-range", by_hand=True)
    if row.override is None:
        return Reason(f"turn in {row.layer_name}", "layers")
    override = overrides.get(row.override)
    return of_override(override) if override else Reason("override", "replace", by_hand=True)


def of_override(override: Override) -> Reason:
    """Say what an override, or the swap behind it, does for the person it puts on call."""
    if override.swap_id is not None:
        return Reason(f"swap with {override.replaces}", "arrow-left-right", _note(override), by_hand=True)
    by = f" by {override.by}" if override.by and override.by != override.person else ""
    if override.kind == OverrideKind.REPLACE:
        return Reason(f"override{by}, in place of {override.replaces}", "replace", _note(override), by_hand=True)
    return Reason(f"override{by}, added", "replace", _note(override), by_hand=True)


def _note(override: Override) -> str:
    return override.reason if override.reason not in {"", "Swap"} else ""
