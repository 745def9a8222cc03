"""For readers outside the document: the summary for customers, and the Atom feed."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from incidents.refusals import Refusal, StaleVersion
from incidents.requests import SignedInRequest
from incidents.views.answers import refuse
from incidents.visibility import require_responder
from postmortems import outreach as deeds
from postmortems.blameless import Check
from postmortems.forms import SummaryForm
from postmortems.models import ExternalSummary, FeedKey
from postmortems.requests import standing_for


@require_http_methods(["GET", "POST"])
@login_required
def external(request: SignedInRequest, number: int) -> HttpResponse:
    """The summary for customers: a first text from what is on record, then what people made of it."""
    at = timezone.now()
    standing = standing_for(request, number, at)
    known = ExternalSummary.objects.select_related("edited_by").filter(postmortem=standing.document).first()
    begin = {
        "text": known.text if known else deeds.suggest(standing.document),
        "version": known.version if known else 0,
    }
    form = SummaryForm(request.POST or None, initial=begin)
    if request.method == "POST":
        require_responder(request.user)
        if form.is_valid():
            try:
                deeds.save(standing.document, by=request.user, at=at, **form.cleaned_data)
            except Refusal as refusal:
                refuse(form, refusal)
                if isinstance(refusal, StaleVersion) and known:
                    form.data = {**form.data.dict(), "version": known.version}  # type: ignore[attr-defined]
            else:
                messages.success(request, "Saved. Nothing is sent by itself.")
                return redirect("postmortems:external", number)
    context = {
        "at": at,
        "standing": standing,
        "incident": standing.incident,
        "known": known,
        "form": form,
        "hits": Check().hits(known.text) if known else [],
        "may_act": request.user.may_declare,
    }
    return render(request, "postmortems/external.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def feed_address(request: SignedInRequest) -> HttpResponse:
    """The person's own address of the feed: made, made anew, ended. It is shown once."""
    address = ""
    if request.method == "POST" and request.POST.get("how") == "end":
        deeds.end_key(request.user)
        messages.success(request, "The address does not work any more.")
        return redirect("postmortems:feed-address")
    if request.method == "POST":
        key = deeds.make_key(request.user, timezone.now())
        address = f"{settings.PUBLIC_URL}/postmortems/feed/{key}.atom"
    known = FeedKey.objects.filter(person=request.user).first()
    response = render(
        request, "postmortems/feed_address.html", {"address": address, "known": known, "at": timezone.now()}
    )
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def feed(request: HttpRequest, key: str) -> HttpResponse:
    """The feed itself; whoever has the address may read it. ``?service=`` = of one service."""
    person = deeds.reader_of(key)
    if person is None:
        raise Http404
    text = deeds.feed(person, base=settings.PUBLIC_URL, service=request.GET.get("service", "")[:80].replace("\0", ""))
    response = HttpResponse(text, content_type="application/atom+xml; charset=utf-8")
    response["Cache-Control"] = "private, max-age=300"
    response["Referrer-Policy"] = "no-referrer"
    return response
