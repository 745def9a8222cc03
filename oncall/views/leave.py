"""Leave: say when one is away, and see which shifts somebody must cover."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents.models import Membership, User
from incidents.refusals import NotAllowed, Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from oncall import absences, mine
from oncall.models import Leave
from oncall.shift_forms import LeaveForm
from oncall.wording import city


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def take(request: SignedInRequest) -> HttpResponse:
    """The form; ``weigh`` only shows what it would touch. It takes nobody off a rota."""
    at, covers = timezone.now(), None
    form = _form(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        if "weigh" in request.POST:
            covers = mine.to_cover(said["person"], said["start"], said["end"]) if said["end"] > said["start"] else []
        elif leave := _take(form, request.user, at):
            touched = mine.to_cover(leave.person, max(leave.start, at), leave.end)
            messages.success(request, _say(leave, len(touched), request.user))
            return redirect("oncall:mine" if leave.person == request.user else "oncall:leave")
    context = {"form": form, "covers": covers, "at": at, "others": _others(request.user, at)}
    return render(request, "oncall/leave.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    """End leave now, or take it away where it has not begun."""
    leave = get_object_or_404(Leave.objects.select_related("person"), pk=pk)
    try:
        kept = absences.cancel_leave(leave, by=request.user, at=timezone.now())
    except NotAllowed:
        raise
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The leave ends now." if kept else "The leave is removed.")
    return redirect("oncall:mine" if leave.person == request.user else "oncall:leave")


def _form(request: SignedInRequest, said: Any) -> LeaveForm:
    zone = request.user.time_zone
    zones = [{"key": "mine", "name": zone, "label": f"{city(zone)}, yours"}]
    return LeaveForm(said, zones=zones, people=_manageable(request.user), initial={"person": request.user.pk})


def _manageable(person: User) -> QuerySet[User]:
    """For whom the person may say it: themselves, the members of teams they manage, everybody for administrators."""
    found = User.objects.filter(is_active=True)
    if not person.is_administrator:
        managed = Membership.objects.filter(user=person, is_manager=True).values("team") if person.may_declare else []
        found = found.filter(Q(pk=person.pk) | Q(memberships__team__in=managed)).distinct()
    return found.order_by("name", "pk")


def _others(person: User, at: datetime) -> list[Leave]:
    """The leave of those whom the person manages."""
    rows = Leave.objects.filter(person__in=_manageable(person), end__gt=at).exclude(person=person)
    return list(rows.select_related("person").order_by("start", "pk")[:50])


def _take(form: LeaveForm, by: User, at: datetime) -> Leave | None:
    said = form.cleaned_data
    try:
        return absences.take_leave(
            said["person"], start=said["start"], end=said["end"], reason=said["reason"], by=by, at=at
        )
    except Refusal as refusal:
        refuse(form, refusal)
        return None


def _say(leave: Leave, touched: int, by: User) -> str:
    who = "You are" if leave.person == by else f"{leave.person} is"
    if not touched:
        return f"{who} marked away. No shift lies in that time."
    shifts = "1 shift lies" if touched == 1 else f"{touched} shifts lie"
    return f"{who} marked away. {shifts} in that time and need cover: leave takes nobody off a rota."
