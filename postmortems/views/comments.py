"""Comments: all threads of a postmortem on one page, a new one, an answer, resolved and open again."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from incidents.models import Incident
from incidents.refusals import Refusal
from incidents.requests import SignedInRequest, incident_for
from incidents.views.answers import refuse
from incidents.visibility import require_responder
from postmortems import commenting as deeds
from postmortems.forms import CommentForm, ReplyForm
from postmortems.models import ActionItem, Comment, Postmortem
from postmortems.requests import comment_to_write


@require_http_methods(["GET", "POST"])
@login_required
def comments(request: SignedInRequest, number: int) -> HttpResponse:
    """Every thread; ``?on=`` those about one thing, ``?quote=`` begins a new one about these words."""
    incident = incident_for(request, number)
    key = request.GET.get("on", "")
    known = {"on": key, "quote": request.GET.get("quote", "")[: deeds.LONGEST_QUOTE]}
    form = CommentForm(request.POST or None, initial=known).about(incident)
    if request.method == "GET":
        return _page(request, incident, form, key)
    require_responder(request.user)
    if form.is_valid():
        said = form.cleaned_data
        try:
            about = deeds.subject(incident, said["on"])
            if about is None:
                raise Refusal("What you comment on is not there any more. Load the page again.")
            words = {"text": said["text"], "quote": said["quote"], "is_blocking": said.get("blocking", False)}
            comment = deeds.begin(incident, about, by=request.user, at=timezone.now(), **words)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return _go(request, comment)
    return _page(request, incident, form, key, status=422)


def _page(
    request: SignedInRequest, incident: Incident, form: forms.Form, key: str = "", status: int = 200, **more: Any
) -> HttpResponse:
    document = Postmortem.objects.filter(incident=incident).first()
    if document is None and not ActionItem.objects.filter(incident=incident).exists():
        raise Http404
    threads = deeds.threads_of(incident)
    waiting = [thread for thread in threads if thread.first.is_open]
    context: dict[str, Any] = {
        "at": timezone.now(),
        "incident": incident,
        "document": document,
        "threads": [thread for thread in threads if thread.key == key] if key else threads,
        "is_part": bool(key),
        "open": len(waiting),
        "blocking": sum(thread.first.is_blocking for thread in waiting),
        "form": form,
        "may_act": request.user.may_declare,
        **more,
    }
    return render(request, "postmortems/comments.html", context, status=status)


@require_POST
@login_required
def reply_comment(request: SignedInRequest, pk: int) -> HttpResponse:
    """Answer in a thread; a refused answer comes back as it was typed."""
    comment = comment_to_write(request, pk)
    form = ReplyForm(request.POST)
    if form.is_valid():
        try:
            answer = deeds.reply(comment, text=form.cleaned_data["text"], by=request.user, at=timezone.now())
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return _go(request, answer)
    fresh = CommentForm(initial={}).about(comment.incident)
    return _page(request, comment.incident, fresh, status=422, refused=form, refused_at=comment.pk)


@require_POST
@login_required
def resolve_comment(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say that a thread is done with."""
    comment = deeds.resolve(comment_to_write(request, pk), by=request.user, at=timezone.now())
    messages.success(request, "The comment is resolved.")
    return _go(request, comment)


@require_POST
@login_required
def reopen_comment(request: SignedInRequest, pk: int) -> HttpResponse:
    """Say that it is not."""
    return _go(request, deeds.reopen(comment_to_write(request, pk)))


def _go(request: SignedInRequest, comment: Comment) -> HttpResponse:
    """Back to where the person came from, else to the page of comments; at the comment in both."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith("/")
    where = wanted if ours else reverse("postmortems:comments", args=[comment.incident.number])
    return redirect(f"{where}#comment-{comment.pk}")
