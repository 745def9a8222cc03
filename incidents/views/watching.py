"""Who is here, who watches; watching one incident, and subscribing to those to come."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents import presence, watching
from incidents.forms import SubscriptionForm, WatchForm
from incidents.models import Pace
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for
from incidents.views.answers import done, refuse, refused


@require_http_methods(["GET", "POST"])
@login_required
def watchers(request: SignedInRequest, number: int) -> HttpResponse:
    """Who is here and who watches; POST is the sign of an open page that its reader is here."""
    incident, at = incident_for(request, number), timezone.now()
    if request.method == "POST":
        presence.note(incident, by=request.user, at=at)
    rows = watching.of(incident)
    context = {
        "incident": incident,
        "here": [person for person in presence.here(incident, at) if person != request.user],
        "watches": rows,
        "mine": next((row for row in rows if row.user == request.user), None),
        "paces": Pace.choices,
    }
    return render(request, "incidents/_watchers.html" if request.htmx else "incidents/watchers.html", context)


@require_POST
@login_required
def watch(request: SignedInRequest, number: int) -> HttpResponse:
    """Hear of it, at a pace; with ``stop`` no more. Whoever reads may."""
    incident = incident_for(request, number)
    if "stop" in request.POST:
        watching.unwatch(incident, by=request.user)
        return done(request, incident, f"You do not watch {incident.ref} any more.")
    form = WatchForm(request.POST)
    if not form.is_valid():
        return refused(request, incident, Refusal("Choose how often you want to hear of it."))
    watching.watch(incident, by=request.user, at=timezone.now(), pace=form.cleaned_data["pace"])
    return done(request, incident, f"You watch {incident.ref}.")


@require_http_methods(["GET", "POST"])
@login_required
def subscriptions(request: SignedInRequest) -> HttpResponse:
    """What I watch, and what I shall."""
    form = SubscriptionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            watching.subscribe(by=request.user, **form.cleaned_data)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            messages.success(request, "You are subscribed.")
            return redirect("incidents:subscriptions")
    mine, watches = watching.mine(request.user)
    context = {"form": form, "subscriptions": mine, "watches": watches, "at": timezone.now()}
    return render(request, "incidents/subscriptions.html", context, status=422 if form.is_bound else 200)


@require_POST
@login_required
def unsubscribe(request: SignedInRequest, pk: int) -> HttpResponse:
    """No more of these."""
    watching.unsubscribe(pk, by=request.user)
    messages.success(request, "The subscription is gone.")
    return redirect("incidents:subscriptions")
