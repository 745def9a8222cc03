"""Maintenance and silences: what holds alerts back, what it holds back now, and the deeds."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from incidents import maintenance, silencing
from incidents.forms import MaintenanceForm, SilenceForm
from incidents.models import Alert, AlertStatus, Maintenance, Quiet, Silence
from incidents.refusals import NotAllowed, Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse

SHOWN = 50  # of each kind
OLD = timedelta(days=30)


@require_safe
@login_required
def quiet(request: SignedInRequest) -> HttpResponse:
    """All quiet times, and every alert that is held back (9 queries at most)."""
    at = timezone.now()
    windows = Maintenance.objects.select_related("by").prefetch_related("services")
    silences = Silence.objects.select_related("by", "service")
    context = {
        "at": at,
        "held": _held().order_by("held_until", "pk")[:SHOWN],
        "windows": _by_time(windows, at),
        "silences": _by_time(silences, at),
        "may_plan": _may_plan(request),
    }
    return render(request, "incidents/quiet.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def plan(request: SignedInRequest) -> HttpResponse:
    """Plan maintenance."""
    at = timezone.now()
    if not _may_plan(request):
        raise NotAllowed("Only managers of teams and administrators plan maintenance.")
    start = at.replace(second=0, microsecond=0)
    initial = {"start": start, "end": start + timedelta(hours=1)}
    form = MaintenanceForm(request.POST or None, person=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            row = maintenance.plan(**form.cleaned_data, by=request.user, at=at)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, f"“{row}” is planned: alerts of its services page nobody meanwhile.")
            return redirect("incidents:quiet")
    return _form(request, form, "Plan maintenance", "Plan it")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def maintenance_page(request: SignedInRequest, pk: int) -> HttpResponse:
    """One window: what it is, what it holds back, and the form to change it for whom it concerns."""
    at = timezone.now()
    row = get_object_or_404(Maintenance.objects.select_related("by").prefetch_related("services__team"), pk=pk)
    services = list(row.services.all())
    may = row.state(at) in {"upcoming", "running"} and maintenance.may_change(request.user, services)
    initial = {name: getattr(row, name) for name in ("title", "start", "end", "note")} | {"services": services}
    form = MaintenanceForm(request.POST or None, person=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            maintenance.change(row, **form.cleaned_data, by=request.user, at=at)
        except NotAllowed:
            raise
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, f"“{row}” is changed.")
            return redirect("incidents:quiet")
    held = _held().filter(service__in=services, held_because=row.words)[:SHOWN]
    more = {"row": row, "state": row.state(at), "services": services, "held": held, "may_change": may, "at": at}
    return _form(request, form if may else None, str(row), "Save", more)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def silence(request: SignedInRequest) -> HttpResponse:
    """Silence alerts; ``try`` only shows which of the newest would fit."""
    at, tried = timezone.now(), None
    initial: dict[str, Any] = {"end": (at + timedelta(hours=1)).replace(second=0, microsecond=0)}
    initial |= {name: value for name in ("service", "conditions") if (value := request.GET.get(name))}
    form = SilenceForm(request.POST or None, person=request.user, initial=initial)
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        said["conditions_text"] = said.pop("conditions")
        try:
            if "try" in request.POST:
                tried = silencing.would_fit(said["service"], said["conditions_text"], request.user)
            else:
                silencing.silence(**said, by=request.user, at=at)
                messages.success(request, "Silenced. What comes in is stored and pages when the silence ends.")
                return redirect("incidents:quiet")
        except NotAllowed:
            raise
        except Refusal as refusal:
            refuse(form, refusal)
    return _form(request, form, "Silence alerts", "Silence", {"tried": tried, "tries": True, "at": at})


@require_safe
@login_required
def silence_page(request: SignedInRequest, pk: int) -> HttpResponse:
    """One silence and what it holds back."""
    at = timezone.now()
    row = get_object_or_404(Silence.objects.select_related("by", "service__team"), pk=pk)
    may = row.state(at) in {"upcoming", "running"} and silencing.may_silence(request.user, row.service)
    held = _held().filter(service=row.service, held_because=row.words)[:SHOWN]
    more = {"row": row, "state": row.state(at), "services": [row.service], "held": held, "at": at, "may_change": may}
    return _form(request, None, str(row), "", more)


@require_POST
@login_required
def end_maintenance(request: SignedInRequest, pk: int) -> HttpResponse:
    """End a window now, or call it off."""
    row = get_object_or_404(Maintenance, pk=pk)
    return _end(request, row, maintenance.end)


@require_POST
@login_required
def end_silence(request: SignedInRequest, pk: int) -> HttpResponse:
    """End a silence now."""
    row = get_object_or_404(Silence, pk=pk)
    return _end(request, row, silencing.end)


def _end(request: SignedInRequest, row: Quiet, deed: Any) -> HttpResponse:
    try:
        came = deed(row, by=request.user, at=timezone.now())
    except NotAllowed:
        raise
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"“{row}” is {came}. What it held back pages now.")
    return redirect("incidents:quiet")


def _form(
    request: SignedInRequest, form: Any, title: str, verb: str, more: dict[str, Any] | None = None
) -> HttpResponse:
    context = {"form": form, "title": title, "verb": verb, **(more or {})}
    return render(request, "incidents/quiet_form.html", context, status=422 if form and form.errors else 200)


def _may_plan(request: SignedInRequest) -> bool:
    return request.user.is_administrator or request.user.memberships.filter(is_manager=True).exists()


def _held() -> QuerySet[Alert]:
    rows = Alert.objects.filter(status=AlertStatus.OPEN, held_until__isnull=False)
    return rows.select_related("service", "integration")


def _by_time(rows: QuerySet[Any], at: datetime) -> dict[str, QuerySet[Any]]:
    return {
        "running": rows.running(at).order_by("end", "pk")[:SHOWN],  # type: ignore[attr-defined]
        "upcoming": rows.upcoming(at).order_by("start", "pk")[:SHOWN],  # type: ignore[attr-defined]
        "over": rows.over(at).filter(end__gt=at - OLD).order_by("-end", "-pk")[:SHOWN],  # type: ignore[attr-defined]
    }
