"""The entries of a timeline: read them, write one, look at one, put it right, pin it, fetch its evidence."""

import json

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from incidents import saying, storytelling, timeline
from incidents.forms import CorrectionForm, EntryForm
from incidents.models import Attachment, Incident, TimelineEntry
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.views import slashes
from incidents.views.answers import done, refuse
from incidents.views.incident import page_of
from incidents.views.telling import story_of

SHUT = "default-src 'none'; sandbox"  # whatever a file holds, it runs nothing here


@require_safe
@login_required
def timeline_fragment(request: SignedInRequest, number: int) -> HttpResponse:
    """Entries: filtered, beyond one (``?beyond=``), or recorded since one (``?since=``, for polling)."""
    incident = incident_for(request, number)
    since = request.GET.get("since", "")
    if since.isdigit() and len(since) < 10:
        missed = timeline.since(incident, int(since))
        return render(request, "incidents/_entries.html", {"entries": missed, "incident": incident})
    context = {"incident": incident, "may_act": request.user.may_declare, **story_of(request, incident)}
    return render(request, "incidents/_story.html", context)


@require_POST
@login_required
def add_entry(request: SignedInRequest, number: int) -> HttpResponse:
    """Write to the timeline; htmx gets a fresh composer, a plain form its page, a refused one keeps its text."""
    incident = incident_to_act_on(request, number)
    form = EntryForm(request.POST, request.FILES)
    if address := slashes.form_of(incident, request.POST.get("text", "")):
        return _opened(request, address)
    if form.is_valid():
        try:
            said = form.cleaned_data
            files = said.pop("evidence")
            saying.say(incident, by=request.user, at=timezone.now(), files=files, **said)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            if not request.htmx:
                return redirect(incident)
            return _composer(request, incident, EntryForm(initial={"kind": said["kind"]}))
    if request.htmx:
        return _composer(request, incident, form, status=422)
    return page_of(request, incident, form, status=422)


def _opened(request: SignedInRequest, address: str) -> HttpResponse:
    """A command was typed: its form opens; the text stays in the composer until the form is sent."""
    if not request.htmx:
        return redirect(address)
    return HttpResponse(status=204, headers={"HX-Trigger": json.dumps({"open-ask": {"path": address}})})


def _composer(request: SignedInRequest, incident: Incident, form: EntryForm, *, status: int = 200) -> HttpResponse:
    return render(request, "incidents/_composer.html", {"incident": incident, "entry_form": form}, status=status)


@require_http_methods(["GET", "POST"])
@login_required
def entry(request: SignedInRequest, number: int, seq: int) -> HttpResponse:
    """One entry with its times, files and history; POST puts it right."""
    incident = incident_for(request, number) if request.method == "GET" else incident_to_act_on(request, number)
    row = _entry(incident, seq)
    form = CorrectionForm(request.POST or None, initial={"text": row.text})
    if request.method == "POST" and form.is_valid():
        try:
            timeline.correct(incident, seq, by=request.user, at=timezone.now(), **form.cleaned_data)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, "Corrected. The old text stays in the history.")
    context = {
        "incident": incident,
        "entry": row,
        "newer": getattr(row, "replaced_by", None),
        "history": timeline.history(row)[1:],
        "form": form,
        "at": timezone.now(),
        "may_act": request.user.may_declare,
    }
    template = "incidents/_look.html" if request.htmx else "incidents/look.html"
    return render(request, template, context, status=422 if form.is_bound else 200)


@require_POST
@login_required
def pin(request: SignedInRequest, number: int, seq: int) -> HttpResponse:
    """Take an entry into the story so far; with ``undo`` out of it."""
    incident, pinned = incident_to_act_on(request, number), "undo" not in request.POST
    try:
        storytelling.pin(incident, seq, pinned=pinned, by=request.user, at=timezone.now())
    except TimelineEntry.DoesNotExist as error:
        raise Http404 from error
    return done(request, incident, "It is part of the story." if pinned else "It is out of the story.")


@require_safe
@login_required
def attachment(request: SignedInRequest, number: int, pk: int) -> HttpResponseBase:
    """A file as it was given: pictures may be shown, everything else is only taken away."""
    incident = incident_for(request, number)
    row = Attachment.objects.filter(entry__incident=incident, pk=pk).first()
    if row is None:
        raise Http404
    try:
        content = row.file.open()
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(content, as_attachment=not row.is_picture, filename=row.name, content_type=row.kind)
    response["Content-Security-Policy"] = SHUT
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    return response


def _entry(incident: Incident, seq: int) -> TimelineEntry:
    rows = timeline.everything(incident).select_related("actor", "corrected_by", "pin", "replaced_by")
    row = rows.prefetch_related("attachments").filter(seq=seq).first()
    if row is None:
        raise Http404
    return row
