"""From the draft to the readers: ask for a review, answer it, publish, correct."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from incidents.refusals import Refusal
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from postmortems import publishing as deeds
from postmortems.causes import Causes
from postmortems.editing import Conflict
from postmortems.forms import CorrectForm, ReviewersForm
from postmortems.models import Review
from postmortems.publishing import NotReady
from postmortems.requests import section_to_write, standing_to_write


@require_http_methods(["GET", "POST"])
@login_required
def ask_review(request: SignedInRequest, number: int) -> HttpResponse:
    """Choose who is to look at it."""
    at = timezone.now()
    standing = standing_to_write(request, number, at)
    asked = Review.objects.filter(postmortem=standing.document).values_list("reviewer", flat=True)
    form = ReviewersForm(request.POST if request.method == "POST" else None, initial={"reviewers": list(asked)})
    if request.method == "POST" and form.is_valid():
        try:
            deeds.ask_review(standing.document, list(form.cleaned_data["reviewers"]), by=request.user, at=at)
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return _go(request, number, "They are told.")
    context = {"at": at, "standing": standing, "incident": standing.incident, "form": form}
    more = {"title": "Ask for review", "verb": "Ask them"}
    return render(request, "postmortems/deed_form.html", {**context, **more}, status=422 if form.is_bound else 200)


@require_POST
@login_required
def answer(request: SignedInRequest, number: int) -> HttpResponse:
    """Approve, or ask for changes."""
    standing = standing_to_write(request, number, timezone.now())
    said = {"verdict": request.POST.get("verdict", ""), "note": request.POST.get("note", "")}
    try:
        deeds.answer(standing.document, by=request.user, at=timezone.now(), **said)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return _go(request, number, "")
    return _go(request, number, "Your answer is recorded.")


@require_POST
@login_required
def excuse(request: SignedInRequest, number: int) -> HttpResponse:
    """Say why nothing is to be done."""
    standing = standing_to_write(request, number, timezone.now())
    try:
        deeds.excuse(standing.document, request.POST.get("because", ""))
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    return _go(request, number, "")


@require_http_methods(["GET", "POST"])
@login_required
def publish(request: SignedInRequest, number: int) -> HttpResponse:
    """What is missing, all at once; where nothing is, one button."""
    at = timezone.now()
    standing = standing_to_write(request, number, at)
    missing: list[Any] = []
    if request.method == "POST":
        try:
            deeds.publish(standing.document, by=request.user, at=at)
        except NotReady as refusal:
            missing = refusal.missing
        except Refusal as refusal:
            messages.warning(request, str(refusal))
            return _go(request, number, "")
        else:
            return _go(request, number, "Published. Its clock is met, and readers see it as it is now.")
    else:
        missing = deeds.missing_of(standing.document, Causes(standing.document))
    context = {"at": at, "standing": standing, "incident": standing.incident, "missing": missing}
    context["hints"] = deeds.count_hints(standing.document, Causes(standing.document))
    return render(request, "postmortems/publish.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
@login_required
def correct(request: SignedInRequest, number: int, key: str) -> HttpResponse:
    """Correct a published section aloud."""
    at = timezone.now()
    standing, section = section_to_write(request, number, key, at)
    if not standing.is_published:
        return redirect("postmortems:edit-section", number, key)
    known = {"text": section.text, "base_version": section.version}
    form = CorrectForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        try:
            deeds.correct(section, by=request.user, at=at, **form.cleaned_data)
        except Conflict as conflict:
            refuse(form, Refusal(f"{conflict} It reads now: {conflict.theirs.text}"))
            form.data = {**form.data.dict(), "base_version": conflict.theirs.version}  # type: ignore[attr-defined]
        except Refusal as refusal:
            refuse(form, refusal)
        else:
            return _go(request, number, "Corrected. Readers see when and why.", f"#{key}")
    context = {"at": at, "standing": standing, "incident": standing.incident, "form": form}
    more = {"title": f"Correct: {section.get_key_display()}", "verb": "Publish the correction"}
    return render(request, "postmortems/deed_form.html", {**context, **more}, status=422 if form.is_bound else 200)


def _go(request: SignedInRequest, number: int, words: str, place: str = "") -> HttpResponse:
    if words:
        messages.success(request, words)
    where = f"{reverse('postmortems:detail', args=[number])}{place}"
    return HttpResponseClientRedirect(where) if request.htmx else redirect(where)
