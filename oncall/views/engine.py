"""The engine page: is it late, what waits, what failed, and the deeds that set it going again."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from incidents import due, pulse
from incidents.models import Incident
from incidents.refusals import NotAllowed, Refusal
from incidents.requests import SignedInRequest
from oncall import overseeing, retrying
from oncall.models import Delivery


@require_GET
@login_required
def engine(request: SignedInRequest) -> HttpResponse:
    """All of it."""
    _require_overseer(request)
    context = _now(request)
    at = context["at"]
    context |= {
        "day": overseeing.day(at),
        "lines": overseeing.channels(at),
        "states": overseeing.STATES,
        "failed": overseeing.failed(request.user, at),
        "held": overseeing.held(request.user, at),
        "rests": overseeing.rests(request.user, at),
        "providers": overseeing.providers(),
    }
    return render(request, "oncall/engine.html", context)


@require_GET
@login_required
def now(request: SignedInRequest) -> HttpResponse:
    """The part that is asked for again every few seconds."""
    _require_overseer(request)
    return render(request, "oncall/_engine_now.html", _now(request))


def _now(request: SignedInRequest) -> dict[str, Any]:
    told = pulse.read()
    error, error_at = overseeing.last_error()
    sources = overseeing.backlog(told.at)
    return {
        "at": told.at,
        "pulse": told,
        "troubles": pulse.troubles(),
        "canary": overseeing.last_canary(),
        "infinite": float("inf"),
        "waiting": overseeing.count_waiting(told.at),
        "busy": [one for one in sources if one.count],
        "idle": [one.words.lower() for one in sources if not one.count],
        "last_error": error if request.user.is_administrator else "",
        "last_error_at": error_at,
    }


@require_POST
@login_required
def retry(request: SignedInRequest, pk: int) -> HttpResponse:
    """Send a failed message once more."""
    delivery = _delivery(request, pk)
    return _do(request, lambda at: retrying.retry(delivery, by=request.user, at=at), "It is sent again.")


@require_POST
@login_required
def send_now(request: SignedInRequest, pk: int) -> HttpResponse:
    """Let a held message go."""
    delivery = _delivery(request, pk)
    return _do(request, lambda at: retrying.send_now(delivery, by=request.user, at=at), "It goes out now.")


@require_POST
@login_required
def try_now(request: SignedInRequest, kind: str, pk: int) -> HttpResponse:
    """Do again at once what rests after a failure."""
    _require_overseer(request)
    if kind not in set(retrying.Resting):
        raise Http404
    resting = retrying.Resting(kind)
    return _do(request, lambda at: retrying.try_now(resting, pk, by=request.user, at=at), "It is tried again now.")


def _do(request: SignedInRequest, deed: Callable[[datetime], object], words: str) -> HttpResponse:
    """Do it at the database's time and show the page as it is then."""
    try:
        deed(due.database_now())
    except NotAllowed:
        raise
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, words)
    return redirect("oncall:engine")


def _require_overseer(request: SignedInRequest) -> None:
    if not overseeing.may_see(request.user):
        raise NotAllowed("The engine page is for administrators and managers of teams.")


def _delivery(request: SignedInRequest, pk: int) -> Delivery:
    """The message, if its incident is one that the person may see.

    Raises:
        Http404: there is none, or none for this person.
    """
    _require_overseer(request)
    delivery = get_object_or_404(Delivery.objects.select_related("page__incident__service"), pk=pk)
    if request.user.is_administrator:
        return delivery
    seen = Incident.objects.visible_to(request.user)
    if delivery.page is None or not seen.filter(pk=delivery.page.incident_id).exists():
        raise Http404
    return delivery
