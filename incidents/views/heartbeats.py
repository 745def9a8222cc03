"""Heartbeats: which are heard of, which are missing, and what each is waited for."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from incidents import heartbeats, integrations
from incidents.forms import HeartbeatForm
from incidents.models import Heartbeat, Integration, IntegrationKind
from incidents.refusals import NotAllowed, Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse

SHOWN = 500
ORDER = ("missing", "failed", "late", "running", "on time", "new", "muted")


@require_safe
@login_required
def overview(request: SignedInRequest) -> HttpResponse:
    """Every heartbeat, what is wrong first (3 queries)."""
    at = timezone.now()
    doors = Integration.objects.filter(kind=IntegrationKind.HEARTBEAT, is_active=True)
    doors = doors.select_related("service__team", "heartbeat").order_by("name", "pk")[:SHOWN]
    rows = [(row := _beat_of(door), row.state(at)) for door in doors]
    rows.sort(key=lambda pair: ORDER.index(pair[1]))
    troubled = sum(state in {"missing", "failed"} for _, state in rows)
    return render(request, "incidents/heartbeats.html", {"rows": rows, "troubled": troubled, "at": at})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def heartbeat(request: SignedInRequest, pk: int) -> HttpResponse:
    """One heartbeat: how it is, where it sends, and for those who look after it what it is waited for."""
    at = timezone.now()
    doors = Integration.objects.filter(kind=IntegrationKind.HEARTBEAT).select_related("service__team", "heartbeat")
    door = get_object_or_404(doors, pk=pk)
    row, may = _beat_of(door), heartbeats.may_configure(request.user, door)
    initial = {"period": _minutes(row.period), "grace": _minutes(row.grace), "muted": row.muted}
    form = HeartbeatForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            heartbeats.configure(door, **form.spans(), by=request.user, at=at)
        except NotAllowed:
            raise
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, f"{door.name} is waited for as you said.")
            return redirect("incidents:heartbeats")
    context = {"door": door, "row": row, "state": row.state(at), "form": form if may else None, "at": at}
    if may:
        context["url"] = integrations.url_of(door)
    return render(request, "incidents/heartbeat.html", context, status=422 if form.errors else 200)


def _beat_of(door: Integration) -> Heartbeat:
    """Its row; one with the usual spans where none was saved yet."""
    try:
        return door.heartbeat
    except Heartbeat.DoesNotExist:
        return Heartbeat(integration=door)


def _minutes(span: timedelta) -> float:
    minutes = span.total_seconds() / 60
    return int(minutes) if minutes == int(minutes) else round(minutes, 2)
