"""Action items: the list and the board, adding, changing and closing one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from incidents.refusals import Invalid, Refusal, StaleVersion
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from incidents.visibility import require_responder
from postmortems import actions as deeds
from postmortems import commenting, tracking, worklist
from postmortems.actions import Ending
from postmortems.forms import ActionForm, FinishForm
from postmortems.models import ActionItem, ActionStatus, Issue, Postmortem, Tracker
from postmortems.requests import action_for, standing_to_write

PER_PAGE = 50
SHOWS = [("mine", "Mine"), ("", "All open"), ("late", "Late"), ("done", "Closed"), ("board", "Board")]


@require_safe
@login_required
def action_list(request: SignedInRequest) -> HttpResponse:
    """Action items of every incident that the person may see: ``?show=`` mine, late, done, or as a board."""
    at = timezone.now()
    show = request.GET.get("show", "")
    show = show if show in dict(SHOWS) else ""
    items = worklist.visible_to(request.user)
    context: dict[str, Any] = {
        "at": at,
        "show": show,
        "shows": SHOWS,
        "headline": worklist.headline(request.user, at),
        "may_write": request.user.may_declare,
        "section": "actions",
    }
    if show == "board":
        return render(request, "postmortems/action_board.html", {**context, "lanes": worklist.lanes(items, at)})
    wanted = {
        "": worklist.unfinished(),
        "mine": worklist.unfinished() & Q(owner=request.user),
        "late": worklist.late(at),
        "done": ~worklist.unfinished(),
    }[show]
    page = Paginator(items.filter(wanted), PER_PAGE).get_page(request.GET.get("page"))
    rows = worklist.mark(page.object_list, at)
    return render(request, "postmortems/action_list.html", {**context, "page": page, "rows": rows})


@require_http_methods(["GET", "POST"])
@login_required
def add_action(request: SignedInRequest, number: int) -> HttpResponse:
    """Write one down for a postmortem; ``?cause=`` names the root cause that it is for."""
    at = timezone.now()
    standing = standing_to_write(request, number, at)
    incident = standing.incident
    cause = request.GET.get("cause", "")
    known = {
        "owner": request.user,
        "due": deeds.deadline(incident, at),
        "root_causes": [int(cause)] if cause.isdigit() and len(cause) < 10 else [],
    }
    form = ActionForm(request.POST or None, initial=known).about(incident.pk)
    for name in set(form.fields) - set(ActionForm.NEW):
        del form.fields[name]
    if request.method == "POST" and form.is_valid():
        try:
            deeds.add(incident, form.plan(), by=request.user, at=at)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return _go(request, f"{reverse('postmortems:detail', args=[number])}#improvements", "Action item added.")
    return _ask(request, form, incident=incident, title="New action item", verb="Add")


@require_http_methods(["GET", "POST"])
@login_required
def edit_action(request: SignedInRequest, pk: int) -> HttpResponse:
    """One action item: to be read by everybody who sees its incident, to be changed by responders."""
    at = timezone.now()
    item = action_for(request, pk)
    if request.method == "POST":
        require_responder(request.user)
    plan = deeds.plan_of(item)
    known = {**vars(plan), **vars(deeds.ending_of(item)), "due": plan.due_date, "version": item.version}
    form = ActionForm(request.POST or None, initial=known).about(item.incident_id)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        answer = _carry_out(
            request,
            form,
            item,
            lambda: deeds.edit(item, form.plan(), form.ending(), by=request.user, at=at, version=said["version"]),
        )
        if answer:
            return answer
    has_document = Postmortem.objects.filter(incident=item.incident_id).exists()
    [marked] = worklist.mark([item], at)
    mine = commenting.by_key(commenting.threads_of(item.incident)).get(f"action-{pk}", [])
    issue = Issue.objects.select_related("tracker").filter(action=item).first()
    known = {
        "threads": mine,
        "issue": issue,
        "trackers": tracking.offered(item.incident),
        "comment_key": f"action-{pk}",
        "may_act": request.user.may_declare,
    }
    more = {**known, "item": marked, "has_document": has_document, "may_write": request.user.may_declare, "at": at}
    return _ask(request, form, incident=item.incident, title="Action item", verb="Save", **more)


@require_http_methods(["GET", "POST"])
@login_required
def finish_action(request: SignedInRequest, pk: int) -> HttpResponse:
    """Close one: how was it seen to work?"""
    at = timezone.now()
    item = action_for(request, pk)
    require_responder(request.user)
    form = FinishForm(request.POST or None, initial={"version": item.version, "verified_how": item.verified_how})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        ending = replace(deeds.ending_of(item), status=ActionStatus.DONE.value, verified_how=said["verified_how"])
        answer = _carry_out(request, form, item, lambda: _end(request, item, ending, said["version"]))
        if answer:
            return answer
    return _ask(request, form, incident=item.incident, title=f"Done: {item.title}", verb="Close it", at=at)


@require_POST
@login_required
def start_action(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say that somebody works on it."""
    item = action_for(request, pk)
    require_responder(request.user)
    try:
        _end(request, item, Ending(status=ActionStatus.IN_PROGRESS.value), item.version)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    return _go(request, _back(request), "")


@require_POST
@login_required
def push_action(request: SignedInRequest, pk: int) -> HttpResponse:
    """Have an issue made for it in a tracker."""
    item = action_for(request, pk)
    require_responder(request.user)
    chosen = request.POST.get("tracker", "")
    tracker = Tracker.objects.filter(pk=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 10 else None
    try:
        if tracker is None:
            raise Invalid("tracker", "Choose a tracker.")
        tracking.push(item, tracker, by=request.user, at=timezone.now())
        messages.success(request, f"It is on its way to {tracker}.")
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    return redirect("postmortems:edit-action", pk)


def _end(request: SignedInRequest, item: ActionItem, ending: Ending, version: int | None) -> ActionItem:
    return deeds.edit(item, deeds.plan_of(item), ending, by=request.user, at=timezone.now(), version=version)


def _carry_out(
    request: SignedInRequest, form: forms.Form, item: ActionItem, deed: Callable[[], ActionItem]
) -> HttpResponse | None:
    """Do it; None = it was refused, and the form says why."""
    try:
        deed()
    except Refusal as refusal:
        refuse(form, refusal)
        if isinstance(refusal, StaleVersion):
            fresh = ActionItem.objects.values_list("version", flat=True).get(pk=item.pk)
            form.data = {**form.data.dict(), "version": fresh}  # type: ignore[attr-defined]
        return None
    return _go(request, _back(request), "Saved.")


def _back(request: SignedInRequest) -> str:
    """Where the person came from, if that is a page of ours."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    return wanted if ours else reverse("postmortems:action-list")


def _go(request: SignedInRequest, where: str, words: str) -> HttpResponse:
    if words:
        messages.success(request, words)
    return HttpResponseClientRedirect(where) if request.htmx else redirect(where)


def _ask(request: SignedInRequest, form: forms.Form, *, title: str, verb: str, **more: Any) -> HttpResponse:
    template = "postmortems/_action_form.html" if request.htmx else "postmortems/action_form.html"
    context = {"form": form, "title": title, "verb": verb, "may_write": True, "section": "actions", **more}
    context["next"] = request.POST.get("next") or request.GET.get("next", "")
    return render(request, template, context, status=422 if form.is_bound else 200)
