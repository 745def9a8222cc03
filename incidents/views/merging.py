"""Merge, take out again, split, relate; and what has to do with an incident."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from incidents import merging, search
from incidents.forms import MergeForm, ReasonForm, RelateForm, SplitForm
from incidents.models import Incident
from incidents.refusals import Refusal, StaleVersion
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.views.answers import ask, done, refuse, refused, show_version_of_now

MOST_LIKELY = 3


@require_safe
@login_required
def related(request: SignedInRequest, number: int) -> HttpResponse:
    """What has to do with it; a card for htmx, a page without."""
    incident = incident_for(request, number)
    known = list(merging.related_to(incident, request.user))
    context = {
        "incident": incident,
        "related": known,
        "at": timezone.now(),
        "may_act": request.user.may_declare,
    }
    return render(request, "incidents/_related.html" if request.htmx else "incidents/related.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def merge(request: SignedInRequest, number: int) -> HttpResponse:
    """Into which one, and why; the likely ones are named."""
    incident = incident_to_act_on(request, number)
    form = MergeForm(request.POST or None, user=request.user, initial={"version": incident.version})
    open_ones = Incident.objects.visible_to(request.user).open().exclude(pk=incident.pk)
    likely = search.alike(open_ones, incident.title, incident.service)[:MOST_LIKELY]
    if named := "; ".join(f"{row.ref} {row.title}" for row in likely):
        form.fields["into"].help_text = f"Its number. Perhaps: {named}."

    def deed(**said: Any) -> HttpResponse:
        target = merging.merge(incident, by=request.user, at=timezone.now(), **said)
        messages.success(request, f"{incident.ref} is part of {target.ref} now.")
        return _go(request, target)

    return _do(request, incident, form, deed, title="Merge into another incident", verb="Merge")


@require_http_methods(["GET", "POST"])
@login_required
def unmerge(request: SignedInRequest, number: int) -> HttpResponse:
    """Why it is one of its own after all."""
    incident = incident_to_act_on(request, number)
    form = ReasonForm(request.POST or None, initial={"version": incident.version})

    def deed(**said: Any) -> HttpResponse:
        merging.unmerge(incident, by=request.user, at=timezone.now(), **said)
        return done(request, incident, f"{incident.ref} is an incident of its own again.")

    return _do(request, incident, form, deed, title="Take it out again", verb="Take it out")


@require_http_methods(["GET", "POST"])
@login_required
def split(request: SignedInRequest, number: int) -> HttpResponse:
    """What is a second incident."""
    incident = incident_to_act_on(request, number)
    known = {"version": incident.version, "service": incident.service_id, "severity": incident.severity_id}
    form = SplitForm(request.POST or None, incident=incident, initial=known)

    def deed(**said: Any) -> HttpResponse:
        said["alerts"] = [alert.pk for alert in said.get("alerts", ())]
        part = merging.split(incident, by=request.user, at=timezone.now(), **said)
        messages.success(request, f"{part.ref} is an incident of its own.")
        return _go(request, part)

    return _do(request, incident, form, deed, title="Split off a second incident", verb="Split it off")


@require_http_methods(["GET", "POST"])
@login_required
def relate(request: SignedInRequest, number: int) -> HttpResponse:
    """Name one that has to do with it."""
    incident = incident_to_act_on(request, number)
    form = RelateForm(request.POST or None, user=request.user)

    def deed(**said: Any) -> HttpResponse:
        merging.relate(incident, said["other"], related=True, by=request.user, at=timezone.now())
        return done(request, incident, "They are related.")

    return _do(request, incident, form, deed, title="Related incident", verb="Relate")


@require_POST
@login_required
def unrelate(request: SignedInRequest, number: int, other: int) -> HttpResponse:
    """They have nothing to do with one another after all."""
    incident, second = incident_to_act_on(request, number), incident_for(request, other)
    try:
        merging.relate(incident, second, related=False, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, "They are not related any more.")


def _do(
    request: SignedInRequest, incident: Incident, form: forms.Form, deed: Any, *, title: str, verb: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            answer: HttpResponse = deed(**form.cleaned_data)
        except Refusal as refusal:
            refuse(form, refusal)
            if isinstance(refusal, StaleVersion):
                show_version_of_now(form, incident)
        else:
            return answer
    elif form.is_bound and "version" in form.errors:
        show_version_of_now(form, incident)
    return ask(request, incident, form, title=title, verb=verb)


def _go(request: SignedInRequest, incident: Incident) -> HttpResponse:
    """To the incident that goes on."""
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": incident.get_absolute_url()})
    return redirect(incident)
