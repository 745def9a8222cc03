"""The roles of an incident: look at one, join, assign, hand over, answer, release; command; say what one works on."""

from collections.abc import Callable

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from incidents import crew, roles
from incidents.forms import CommandForm, PersonForm, WorkForm
from incidents.models import Incident, Role, Severity
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.views.answers import ask, done, refuse, refused


@require_safe
@login_required
def show(request: SignedInRequest, number: int, role: str) -> HttpResponse:
    """The role's card: what it does, who held it when, and what can be done with it."""
    incident = incident_for(request, number)
    return _role_page(request, incident, _role(role), PersonForm(incident=incident))


@require_POST
@login_required
def join(request: SignedInRequest, number: int, role: str) -> HttpResponse:
    """Take it."""
    wanted = _role(role)
    return _do(
        request,
        number,
        lambda incident: roles.join(incident, wanted, by=request.user, at=timezone.now()),
        f"You are {wanted.label}.",
    )


@require_POST
@login_required
def release(request: SignedInRequest, number: int, role: str) -> HttpResponse:
    """Empty it."""
    wanted = _role(role)
    return _do(
        request,
        number,
        lambda incident: roles.release(incident, wanted, by=request.user, at=timezone.now()),
        f"{wanted.label} is empty.",
    )


@require_POST
@login_required
def give(request: SignedInRequest, number: int, role: str) -> HttpResponse:
    """Offer it with a briefing to the person who is named, or assign it at once (``act`` says which)."""
    incident, wanted = incident_to_act_on(request, number), _role(role)
    form = PersonForm(request.POST, incident=incident)
    if form.is_valid():
        person, deed = form.cleaned_data["person"], roles.offer if "offer" in request.POST else roles.assign
        try:
            deed(incident, wanted, person, by=request.user, at=timezone.now())
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            words = f"{person} is asked." if deed is roles.offer else f"{person} is {wanted.label}."
            return done(request, incident, words)
    return _role_page(request, incident, wanted, form)


@require_http_methods(["GET", "POST"])
@login_required
def answer(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Read the briefing of a hand-over, then accept or decline it."""
    incident = incident_to_act_on(request, number)
    if request.method == "GET":
        offered = incident.handovers.filter(pk=pk).select_related("giver", "receiver").first()
        if offered is None:
            raise Http404
        template = "incidents/_handover.html" if request.htmx else "incidents/handover.html"
        return render(request, template, {"incident": incident, "offered": offered})
    accept = "accept" in request.POST
    return _do(
        request,
        number,
        lambda incident: roles.answer(incident, pk, accept=accept, by=request.user, at=timezone.now()),
        "You have taken over." if accept else "The hand-over is off.",
    )


@require_http_methods(["GET", "POST"])
@login_required
def command(request: SignedInRequest, number: int) -> HttpResponse:
    """The commander's one gesture: confirm the level, open the room, ask for the roles."""
    incident = incident_to_act_on(request, number)
    known = {"severity": incident.severity_id, "bridge": incident.bridge, "version": incident.version}
    form = CommandForm(request.POST or None, initial=known)
    more = {"title": "Take command", "verb": "Take command", "severities": Severity.objects.order_by("level")}
    if request.method == "POST" and form.is_valid():
        try:
            roles.take_command(incident, by=request.user, at=timezone.now(), **form.cleaned_data)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, f"You command {incident.ref}.")
    return ask(request, incident, form, **more)


@require_http_methods(["GET", "POST"])
@login_required
def work_on(request: SignedInRequest, number: int) -> HttpResponse:
    """Say what one is working on."""
    incident = incident_to_act_on(request, number)
    mine = incident.participants.filter(user=request.user).first()
    form: forms.Form = WorkForm(request.POST or None, initial={"what": mine.working_on if mine else ""})
    if request.method == "POST" and form.is_valid():
        try:
            roles.work_on(incident, form.cleaned_data["what"], by=request.user, at=timezone.now())
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, "Everybody sees it.")
    return ask(request, incident, form, title="What are you working on?", verb="Save")


def _role(word: str) -> Role:
    if word not in Role.values:
        raise Http404
    return Role(word)


def _do(request: SignedInRequest, number: int, deed: Callable[[Incident], Incident], words: str) -> HttpResponse:
    incident = incident_to_act_on(request, number)
    try:
        deed(incident)
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, words)


def _role_page(request: SignedInRequest, incident: Incident, role: Role, form: forms.Form) -> HttpResponse:
    slot = next(slot for slot in crew.read(incident, ()).slots if slot.card.role == role)
    context = {
        "incident": incident,
        "slot": slot,
        "form": form,
        "at": timezone.now(),
        "may_act": request.user.may_declare and incident.is_open,
        "mine": slot.holder is not None and slot.holder.person_id == request.user.pk,
    }
    template = "incidents/_role.html" if request.htmx else "incidents/role.html"
    return render(request, template, context, status=422 if form.is_bound else 200)
