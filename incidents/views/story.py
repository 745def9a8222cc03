"""The story so far: choosing what tells it, and taking the timeline away as a file."""

import re

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from incidents import storytelling
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on

NUMBER = re.compile(r"[0-9]{1,9}\Z")


@require_http_methods(["GET", "POST"])
@login_required
def story(request: SignedInRequest, number: int) -> HttpResponse:
    """Every entry with a box: those ticked tell the story."""
    if request.method == "POST":
        incident = incident_to_act_on(request, number)
        seqs = [int(text) for text in request.POST.getlist("seq") if NUMBER.match(text)]
        told = storytelling.choose(incident, seqs, by=request.user, at=timezone.now())
        messages.success(request, f"{len(told)} entr{'y tells' if len(told) == 1 else 'ies tell'} the story.")
        return redirect("incidents:story", number)
    incident = incident_for(request, number)
    context = {"incident": incident, "entries": storytelling.telling(incident), "may_act": request.user.may_declare}
    return render(request, "incidents/story.html", context)


@require_safe
@login_required
def told(request: SignedInRequest, number: int) -> HttpResponse:
    """The story so far as the incident page shows it; nothing where nothing is pinned."""
    incident = incident_for(request, number)
    entries = storytelling.story(incident)
    return (
        render(request, "incidents/_told.html", {"incident": incident, "told": entries}) if entries else HttpResponse()
    )


@require_safe
@login_required
def export(request: SignedInRequest, number: int, form: str) -> HttpResponseBase:
    """The timeline as ``csv`` or ``md``; ``?story`` takes only what tells the story into the document."""
    incident = incident_for(request, number)
    response: HttpResponseBase
    if form == "csv":
        response = StreamingHttpResponse(storytelling.as_csv(incident), content_type="text/csv; charset=utf-8")
    else:
        text = storytelling.as_markdown(incident, only_story="story" in request.GET)
        response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{incident.ref}-timeline.{form}"'
    return response
