"""Who is on call: the one pure function behind the pager, the pages, the feeds and the reports.

It takes rows and an instant, reads no clock and writes nothing. Shifts are computed, never stored: every turn comes
straight from its layer's anchor, so a changed rule or time-zone database changes the future at once. ``on_call``,
``final`` and ``gaps`` are the only answers anywhere.

Instants are aware and come back in UTC; wall-clock times are naive and belong to the layer's time zone. All ranges are
half-open. Where a turn or the look-ahead would leave the calendar (years 1 to 9999), ``OverflowError`` or
``ValueError`` is raised: the edges admit no such instants.
"""

from oncall.rota.answers import LOOK_AHEAD, final, gaps, members, on_call
from oncall.rota.rows import FixedShift, Layer, OnCall, Override, Piece, Restriction, Schedule, Slot, Temporary
from oncall.rota.turns import boundary, turn_index
from oncall.rota.walls import to_utc

__all__ = [
    "LOOK_AHEAD",
    "FixedShift",
    "Layer",
    "OnCall",
    "Override",
    "Piece",
    "Restriction",
    "Schedule",
    "Slot",
    "Temporary",
    "boundary",
    "final",
    "gaps",
    "members",
    "on_call",
    "to_utc",
    "turn_index",
]
