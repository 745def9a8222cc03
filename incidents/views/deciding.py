"""Decisions: decide, ask for strong objections, object, withdraw."""

import re

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents import deciding
from incidents.forms import DecisionForm, ObjectionForm
from incidents.models import Decision, Incident
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for, incident_to_act_on
from incidents.views.answers import ask, done, refuse, refused, told

ASK, DECIDE = ("ask", "Ask for strong objections"), ("decide", "Decide")
NUMBER = re.compile(r"[0-9]{1,6}\Z")


@require_http_methods(["GET", "POST"])
@login_required
def decision(request: SignedInRequest, number: int) -> HttpResponse:
    """The commander decides at once, or asks first; everybody else asks."""
    incident = incident_to_act_on(request, number)
    form = DecisionForm(request.POST or None, initial=told(request, "text"))
    if request.method == "POST" and form.is_valid():
        asks = "ask" in request.POST
        deed = deciding.ask if asks else deciding.decide
        try:
            deed(incident, form.cleaned_data["text"], by=request.user, at=timezone.now())
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, "Everybody is asked for a minute." if asks else "Decided.")
    buttons = [DECIDE, ASK] if deciding.may_decide(incident, request.user) else [ASK]
    return ask(request, incident, form, title="Decision", verb="Decide", buttons=buttons)


@require_http_methods(["GET", "POST"])
@login_required
def question(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """What is asked, with the objections so far; POST objects."""
    incident = incident_for(request, number) if request.method == "GET" else incident_to_act_on(request, number)
    form = ObjectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            deciding.object_to(incident, pk, form.cleaned_data["why"], by=request.user, at=timezone.now())
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, "Your objection is heard.")
    return _page(request, incident, pk, form)


@require_POST
@login_required
def settle(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Decide what was asked; ``heard`` is how many objections the page showed."""
    incident, heard = incident_to_act_on(request, number), request.POST.get("heard", "")
    try:
        if not NUMBER.match(heard):
            raise Refusal("The page was not sent whole. Look at it again, then decide.")
        deciding.settle(incident, pk, by=request.user, at=timezone.now(), heard=int(heard))
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, "Decided.")


@require_POST
@login_required
def withdraw(request: SignedInRequest, number: int, pk: int) -> HttpResponse:
    """Take the question back."""
    incident = incident_to_act_on(request, number)
    try:
        deciding.withdraw(incident, pk, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, "Withdrawn.")


def _page(request: SignedInRequest, incident: Incident, pk: int, form: ObjectionForm) -> HttpResponse:
    rows = Decision.objects.filter(incident=incident, pk=pk).select_related("asked_by", "decided_by")
    asked = rows.prefetch_related("objections__person").first()
    if asked is None:
        raise Http404
    context = {
        "incident": incident,
        "asked": asked,
        "form": form,
        "at": timezone.now(),
        "may_act": request.user.may_declare,
        "may_decide": deciding.may_decide(incident, request.user),
    }
    template = "incidents/_question.html" if request.htmx else "incidents/question.html"
    return render(request, template, context, status=422 if form.is_bound else 200)
