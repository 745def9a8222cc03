"""How I am reached: my rules, my quiet hours, and what they would do at three in the morning."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from incidents.models import User
from incidents.refusals import Invalid
from incidents.requests import SignedInRequest
from oncall import foreseeing, wishing
from oncall.forms import QuietForm, RuleFormSet
from oncall.models import Band, ContactMethod, NotificationRule, Reachability


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def mine(request: SignedInRequest) -> HttpResponse:
    """Show the rules with what follows from them, or save the part that was sent."""
    part = request.POST.get("part", "")
    sets = _rule_sets(request, said=part == "rules")
    quiet = _quiet_form(request, said=part == "quiet")
    if part == "rules" and all(one.is_valid() for one in sets.values()):
        if _saved_rules(request, sets):
            return redirect("oncall:reached")
    elif part == "quiet" and quiet.is_valid() and _saved_quiet(request, quiet):
        return redirect("oncall:reached")
    context = {
        "bands": [(band, band.label, sets[band]) for band in Band],
        "quiet": quiet,
        "methods": list(_methods(request.user)),
        "foreseen": foreseeing.at_night(request.user, timezone.now()),
    }
    return render(request, "oncall/reached.html", context, status=422 if part else 200)


def _rule_sets(request: SignedInRequest, *, said: bool) -> dict[Band, Any]:
    rules = NotificationRule.objects.filter(user=request.user).order_by("delay", "pk")
    initial: dict[str, list[dict[str, object]]] = {band: [] for band in Band}
    for rule in rules:
        initial[rule.band].append({"channel": rule.channel, "minutes": int(rule.delay.total_seconds() // 60)})
    return {band: RuleFormSet(request.POST if said else None, prefix=band, initial=initial[band]) for band in Band}


def _quiet_form(request: SignedInRequest, *, said: bool) -> QuietForm:
    row = Reachability.objects.filter(user=request.user).first() or Reachability(user=request.user)
    initial = {name: getattr(row, name) for name in ("quiet_from", "quiet_until")}
    initial["fallback_method"] = row.fallback_method_id
    return QuietForm(request.POST if said else None, methods=_methods(request.user), initial=initial)


def _methods(person: User) -> QuerySet[ContactMethod]:
    mine = ContactMethod.objects.filter(user=person, verified_at__isnull=False, disabled_at=None)
    return mine.order_by("position", "pk")


def _saved_rules(request: SignedInRequest, sets: dict[Band, Any]) -> bool:
    rules = [rule for band, forms in sets.items() for form in forms if (rule := form.rule(band))]
    try:
        wishing.set_rules(request.user, list(dict.fromkeys(rules)))
    except Invalid as refusal:
        messages.warning(request, str(refusal))
        return False
    messages.success(request, "Saved. Below stands what happens now.")
    return True


def _saved_quiet(request: SignedInRequest, form: QuietForm) -> bool:
    said = form.cleaned_data
    try:
        wishing.set_quiet_hours(
            request.user, start=said["quiet_from"], end=said["quiet_until"], fallback=said["fallback_method"]
        )
    except Invalid as refusal:
        form.add_error(refusal.field, str(refusal))
        return False
    messages.success(request, "Saved. Below stands what happens now.")
    return True
