"""The board of open incidents."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from incidents import board as reading
from incidents.assessment import FORMULA
from incidents.requests import SignedInRequest


@require_safe
@login_required
def board(request: SignedInRequest) -> HttpResponse:
    """Now: what is happening, who has it, what is mine."""
    return render(request, "incidents/board.html", board_of(request))


@require_safe
@login_required
def board_fragment(request: SignedInRequest) -> HttpResponse:
    """The live part of the board."""
    return render(request, "incidents/_board.html", board_of(request))


def board_of(request: SignedInRequest) -> dict[str, Any]:
    """What the board shows (6 queries, however many incidents)."""
    at = timezone.now()
    mine = request.GET.get("show", "")
    everything = reading.rows(request.user)
    found = reading.rows(request.user, mine=mine) if mine in {"me", "teams"} else everything
    late = reading.overdue(request.user, at)
    return {
        "at": at,
        "rows": found,
        "hot": [row for row in found if row.is_hot],
        "rest": [row for row in found if not row.is_hot],
        "headline": reading.headline(request.user, everything, len(late)),
        "overdue": late,
        "last": reading.last_ended(request.user) if not found else None,
        "show": mine,
        "shows": [("", "All"), ("me", "Mine"), ("teams", "My teams")],
        "formula": FORMULA,
    }
