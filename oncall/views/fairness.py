"""The fairness page: how the burden of a schedule is spread. No ranking: people by name, others as a spread."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from incidents.models import User
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest
from oncall import burdens, rights, shifts
from oncall.forms import WeightForm
from oncall.models import Schedule

MEASURES = (
    ("hours", "Hours", "h"),
    ("expected_hours", "Expected hours", "h"),
    ("nights", "Nights", ""),
    ("weekend_hours", "Weekend hours", "h"),
    ("holiday_hours", "Holiday hours", "h"),
    ("pages", "Pages", ""),
    ("out_of_hours", "Out-of-hours pages", ""),
    ("interrupted_nights", "Interrupted nights", ""),
    ("longest_streak", "Longest streak", "h"),
)
OF_PAGES = {"pages", "out_of_hours", "interrupted_nights"}  # nobody knows them ahead


@require_http_methods(["GET", "POST"])
@login_required
def fairness(request: SignedInRequest) -> HttpResponse:
    """Both windows of a schedule, by default the first of one's own teams; a POST changes a weight."""
    every = shifts.nearest(shifts.active_schedules(), request.user)
    slug = request.GET.get("schedule", "")
    found = next((one for one in every if one.slug == slug), None) if slug else (every[0] if every else None)
    if request.method == "POST" and found:
        return _weigh(request, found)
    windows = burdens.of(found, request.user, timezone.now()) if found else []
    context = {
        "every": sorted(every, key=lambda one: (one.team.name, one.name, one.pk)),
        "schedule": found,
        "unknown": slug if slug and found is None else "",
        "windows": [(one, _tables(one)) for one in windows],
        "manages": bool(found) and rights.may_manage(request.user, found.team) if found else False,
    }
    return render(request, "oncall/fairness.html", context, status=404 if context["unknown"] else 200)


def _tables(one: burdens.Burden) -> dict[str, list[Any]]:
    """The cells of a window in words: each person's, and the spread of each measure."""
    measures = [measure for measure in MEASURES if not (one.is_ahead and measure[0] in OF_PAGES)]
    people = [(row, [_say(getattr(row.load, key), unit) for key, _, unit in measures]) for row in one.rows]
    spread = [
        (label, [_say(value, unit) for value in (found.least, found.middle, found.most)])
        for key, label, unit in measures
        if (found := one.spread.get(key))
    ]
    return {"people": list(people), "spread": list(spread), "labels": [label for _, label, _ in measures]}


def _say(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}".strip()


def _weigh(request: SignedInRequest, schedule: Schedule) -> HttpResponse:
    form = WeightForm(request.POST)
    if form.is_valid():
        person = get_object_or_404(User, pk=form.cleaned_data["person"])
        try:
            burdens.weigh(schedule, person, form.cleaned_data["weight"], by=request.user)
            messages.success(request, f"Saved: {person} counts {form.cleaned_data['weight']:g} times.")
        except Refusal as refusal:
            messages.error(request, str(refusal))
    else:
        messages.error(request, "A weight is a number from 0 to 10. Nothing was changed.")
    return redirect(f"{reverse('oncall:fairness')}?schedule={schedule.slug}")
