"""The deeds of the incident page: fetch, ask what is missing, do it once, answer."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from incidents import assessing, clocks, command, grading, impact, lifecycle, remedies
from incidents.forms import (
    NOT_WHOLE,
    CadenceForm,
    ImpactForm,
    MitigateForm,
    NothingToAsk,
    PhaseForm,
    QuestionsForm,
    ReasonForm,
    ResolveForm,
    SeverityForm,
)
from incidents.models import Incident, Severity, User
from incidents.refusals import Refusal, StaleVersion
from incidents.requests import SignedInRequest, incident_to_act_on
from incidents.states import Phase
from incidents.views.answers import ask, done, refuse, refused, show_version_of_now, told

Deed = Callable[..., Incident]


@require_POST
@login_required
def acknowledge(request: SignedInRequest, number: int) -> HttpResponse:
    """Take it."""
    return _at_once(request, number, lifecycle.acknowledge, "You have {ref}.")


@require_POST
@login_required
def join(request: SignedInRequest, number: int) -> HttpResponse:
    """Begin to work on it."""
    incident = incident_to_act_on(request, number)
    try:
        lifecycle.join(incident, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, f"You have joined {incident.ref}.")


@require_POST
@login_required
def enter_phase(request: SignedInRequest, number: int) -> HttpResponse:
    """Go on to the next phase."""
    incident = incident_to_act_on(request, number)
    form = PhaseForm(request.POST)
    if "to" in form.errors:
        return refused(request, incident, Refusal("Choose the phase to enter."))
    return _at_once(request, number, lifecycle.enter_phase, "{ref} moved on.", to=Phase(form.cleaned_data["to"]))


@require_http_methods(["GET", "POST"])
@login_required
def mitigate(request: SignedInRequest, number: int) -> HttpResponse:
    """Ask what worked and when, then record it; an action that worked is the first guess."""
    worked = remedies.what_worked(incident_to_act_on(request, number))
    known = {"what": worked.text} if worked else {}
    return _ask_first(
        request, number, MitigateForm, lifecycle.mitigate, title="Mark mitigated", verb="Mark mitigated", initial=known
    )


@require_http_methods(["GET", "POST"])
@login_required
def resolve(request: SignedInRequest, number: int) -> HttpResponse:
    """Ask for the cause, then end the work."""
    return _ask_first(request, number, ResolveForm, lifecycle.resolve, title="Resolve", verb="Resolve")


@require_http_methods(["GET", "POST"])
@login_required
def reopen(request: SignedInRequest, number: int) -> HttpResponse:
    """Ask why, then take the work up again."""
    return _ask_first(request, number, ReasonForm, lifecycle.reopen, title="Reopen", verb="Reopen")


@require_http_methods(["GET", "POST"])
@login_required
def decline(request: SignedInRequest, number: int) -> HttpResponse:
    """Ask why this is no incident, then end it."""
    return _ask_first(request, number, ReasonForm, lifecycle.decline, title="This is no incident", verb="Decline")


@require_POST
@login_required
def close(request: SignedInRequest, number: int) -> HttpResponse:
    """All duties are done."""
    return _at_once(request, number, lifecycle.close, "{ref} is closed.")


@require_http_methods(["GET", "POST"])
@login_required
def change_severity(request: SignedInRequest, number: int) -> HttpResponse:
    """Ask for the level and the reason; what each level means stands beside it."""
    wanted = request.GET.get("to", "")
    return _ask_first(
        request,
        number,
        SeverityForm,
        _change_severity,
        title="Change severity",
        verb="Change severity",
        initial={"severity": int(wanted) if wanted in {"0", "1", "2", "3", "4"} else None, **told(request, "reason")},
        severities=Severity.objects.order_by("level"),
    )


@require_POST
@login_required
def undo_severity(request: SignedInRequest, number: int) -> HttpResponse:
    """Take back the change of a moment ago."""
    incident = incident_to_act_on(request, number)
    try:
        grading.undo_severity(incident, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, f"The old severity of {incident.ref} is back.")


@require_POST
@login_required
def keep_severity(request: SignedInRequest, number: int) -> HttpResponse:
    """Leave the level as it is although another is proposed."""
    incident = incident_to_act_on(request, number)
    try:
        assessing.keep(incident, by=request.user, at=timezone.now())
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, f"{incident.ref} stays {incident.severity.label}.")


@require_http_methods(["GET", "POST"])
@login_required
def assess(request: SignedInRequest, number: int) -> HttpResponse:
    """Answer the five questions anew; what they speak for is proposed."""
    known = {f"ask_{question}": word for question, word in incident_to_act_on(request, number).assessment.items()}
    return _ask_first(
        request, number, QuestionsForm, _assess, title="How bad is it?", verb="Suggest a level", initial=known
    )


def _assess(incident: Incident, *, by: User, at: datetime, version: int, **said: str) -> Incident:
    given = {name.removeprefix("ask_"): word for name, word in said.items() if word}
    return assessing.answer(incident, given, by=by, at=at, version=version)


@require_http_methods(["GET", "POST"])
@login_required
def edit_impact(request: SignedInRequest, number: int) -> HttpResponse:
    """Who is hurt and what they can do meanwhile."""
    incident = incident_to_act_on(request, number)
    known = {
        "affected_percent": incident.affected_percent,
        "workaround": incident.workaround,
        "affected_services": incident.affected_services.all(),
        "summary": incident.summary,
    }
    return _ask_first(request, number, ImpactForm, impact.edit, title="Impact", verb="Save", initial=known)


@require_http_methods(["GET", "POST"])
@login_required
def set_cadence(request: SignedInRequest, number: int) -> HttpResponse:
    """How often an update is promised."""
    every = clocks.cadence(incident_to_act_on(request, number))
    known = {"every": int(every.total_seconds() // 60) if every else None}
    return _ask_first(
        request, number, CadenceForm, command.set_cadence, title="Update cadence", verb="Save", initial=known
    )


def _change_severity(incident: Incident, *, severity: Severity, **said: Any) -> Incident:
    return grading.change_severity(incident, to=severity, **said)


def _at_once(request: SignedInRequest, number: int, deed: Deed, words: str, **said: Any) -> HttpResponse:
    incident = incident_to_act_on(request, number)
    form = NothingToAsk(request.POST)
    if not form.is_valid():
        return refused(request, incident, Refusal(NOT_WHOLE))
    version = form.cleaned_data["version"]
    try:
        deed(incident, by=request.user, at=timezone.now(), version=version, **said)
    except Refusal as refusal:
        return refused(request, incident, refusal)
    return done(request, incident, words.format(ref=incident.ref))


def _ask_first(
    request: SignedInRequest,
    number: int,
    form_class: type[forms.Form],
    deed: Deed,
    *,
    title: str,
    verb: str,
    initial: dict[str, Any] | None = None,
    **more: Any,
) -> HttpResponse:
    incident = incident_to_act_on(request, number)
    if request.method == "GET":
        form = form_class(initial={"version": incident.version, **(initial or {})})
        return ask(request, incident, form, title=title, verb=verb, **more)
    form = form_class(request.POST)
    if not form.is_valid():
        if "version" in form.errors:
            show_version_of_now(form, incident)
    else:
        try:
            deed(incident, by=request.user, at=timezone.now(), **form.cleaned_data)
        except StaleVersion as refusal:
            refuse(form, refusal)
            show_version_of_now(form, incident)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return done(request, incident, f"{incident.ref}: {verb.lower()} recorded.")
    return ask(request, incident, form, title=title, verb=verb, **more)
