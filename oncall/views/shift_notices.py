"""Notices of shifts: what I wish to hear of mine, and what is left for the next person."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from incidents.models import User
from incidents.refusals import Invalid, Refusal
from incidents.requests import SignedInRequest
from oncall import handoffs, rights, rosters, rota, wishes
from oncall.forms import NoteForm, ShiftWishForm
from oncall.models import HandoffNote, Schedule
from oncall.reach import usable_methods

NOTES = 10  # shown


@require_http_methods(["GET", "POST"])
@login_required
def mine(request: SignedInRequest) -> HttpResponse:
    """Show my wishes, or save them."""
    wish = wishes.of([request.user.pk])[request.user.pk]
    own = [method.channel for method in usable_methods([request.user.pk]).get(request.user.pk, [])]
    initial = {name: getattr(wish, name) for name in ("moved", "handoff", "swaps", "daily_at", "channels")}
    initial["soon"] = int(wish.soon.total_seconds() // 60) if wish.soon else None
    form = ShiftWishForm(request.POST or None, initial=initial, channels=list(dict.fromkeys(own)))
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        minutes = said.pop("soon")
        said["soon"] = None if minutes is None else timedelta(minutes=minutes)
        try:
            wishes.set_wishes(request.user, at=timezone.now(), **said)
        except Invalid as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, "Saved.")
            return redirect("oncall:shift-notices")
    return render(request, "oncall/shift_notices.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def handoff(request: SignedInRequest, slug: str) -> HttpResponse:
    """What whoever takes over will be told: open incidents and notes. A POST leaves a note."""
    at = timezone.now()
    schedule = get_object_or_404(Schedule.objects.select_related("team"), slug=slug)
    form = NoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            handoffs.leave_note(schedule, text=form.cleaned_data["text"], by=request.user, at=at)
        except Refusal as refusal:
            form.add_error("text", str(refusal))
        else:
            messages.success(request, "Left for whoever takes over.")
            return redirect("oncall:handoff", slug)
    roster = rosters.load([schedule.pk], since=at).get(schedule.pk)
    coming = handoffs.beginnings(roster, at, at + timedelta(days=28))[:1] if roster else []
    notes = HandoffNote.objects.filter(schedule=schedule).select_related("author").order_by("-written_at", "-pk")
    context = {
        "at": at,
        "schedule": schedule,
        "form": form if rights.may_arrange(request.user, schedule.team) or form.errors else None,
        "next": coming[0] if coming else None,
        "next_person": User.objects.get(pk=coming[0].person) if coming else None,
        "is_on_call": request.user.pk in {one.person for one in (rota.on_call(roster, at) if roster else ())},
        "incidents": handoffs.open_incidents(schedule, request.user),
        "notes": notes[:NOTES],
    }
    return render(request, "oncall/handoff.html", context, status=422 if form.errors else 200)
