"""How a deed's refusal is shown: on the field it is about, or on the whole form."""

from typing import cast

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render

from incidents.models import Incident
from incidents.refusals import Invalid, Refusal
from incidents.requests import SignedInRequest

FIELDS = {"at": "occurred_at", "files": "evidence"}  # what a deed calls differently from its form


def refuse(form: forms.Form, refusal: Refusal) -> None:
    """Put the refusal where the person looks; what they typed stays."""
    name = refusal.field if isinstance(refusal, Invalid) else None
    name = FIELDS.get(name, name) if name and name not in form.fields else name
    form.add_error(name if name in form.fields else None, str(refusal))


def done(request: SignedInRequest, incident: Incident, words: str) -> HttpResponse:
    """After a deed: htmx refreshes the room and closes the dialog, a plain form goes to the page."""
    messages.success(request, words)
    return _answer(request, incident, status=200)


def refused(request: SignedInRequest, incident: Incident, refusal: Refusal) -> HttpResponse:
    """A deed without a form was refused: say why, on the page as it is now."""
    messages.warning(request, str(refusal))
    return _answer(request, incident, status=422)


def _answer(request: SignedInRequest, incident: Incident, *, status: int) -> HttpResponse:
    if not request.htmx:
        return redirect(incident)
    response = render(request, "_toasts.html", {"oob": True}, status=status)
    response["HX-Trigger-After-Swap"] = "deed-done"  # before it, the dialog's form would be gone and the toast lost
    return response


def ask(request: SignedInRequest, incident: Incident, form: forms.Form, **more: object) -> HttpResponse:
    """Ask for the facts of a deed: in the dialog for htmx, as a page of its own without."""
    template = "incidents/_ask.html" if request.htmx else "incidents/ask.html"
    status = 422 if form.is_bound else 200
    return render(request, template, {"incident": incident, "form": form, **more}, status=status)


def told(request: SignedInRequest, *names: str) -> dict[str, str]:
    """What the address of a form says of its fields: the way in which a command fills it."""
    return {name: request.GET[name].replace("\0", "")[:2000] for name in names if name in request.GET}


def show_version_of_now(form: forms.Form, incident: Incident) -> None:
    """Let a person who has read what changed send the same words again."""
    fresh = Incident.objects.values_list("version", flat=True).get(pk=incident.pk)
    said = QueryDict.copy(cast(QueryDict, form.data))
    said["version"] = str(fresh)
    form.data = said
