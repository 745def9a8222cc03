"""Answering a page by its one-tap link, without signing in."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages as toasts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from oncall import bundling, messages, pages, replies
from oncall.models import Page

DEEDS = {"take": replies.take, "take-all": replies.take_all, "pass": replies.pass_on}


# No session is asked here: the signed word in the address is the right to act, and a forger would have to know it.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Show the page and ask (GET: mail scanners follow links), or do what was chosen (POST)."""
    try:
        page = messages.page_of(token)
    except Page.DoesNotExist:
        return _guarded(render(request, "oncall/answer_unknown.html", status=404))
    chosen = request.POST.get("action", "") if request.method == "POST" else ""
    if chosen in DEEDS:
        return _guarded(_act(request, page, chosen, at=timezone.now()))
    context = {
        "page": page,
        "incident": page.incident,
        "at": timezone.now(),
        "token": token,
        "waits": pages.waits(page),
        "others": bundling.carried_with(page),
    }
    return _guarded(render(request, "oncall/answer.html", context, status=400 if request.method == "POST" else 200))


def _act(request: HttpRequest, page: Page, chosen: str, *, at: datetime) -> HttpResponse:
    """Do it and say what happened: on a page of its own, in words alone for htmx, on the incident from the board."""
    on_board = request.POST.get("then") == "incident" and request.user == page.person
    words = DEEDS[chosen](page, at=at, via="in Tocsin" if on_board else "by link")
    if on_board:
        toasts.info(request, words)
        return redirect(page.incident)
    if getattr(request, "htmx", False):
        return render(request, "oncall/_answered.html", {"words": words})
    may_look = settings.SANDBOX and request.user.is_authenticated
    context = {"page": page, "incident": page.incident, "at": at, "words": words, "sandbox": may_look}
    return render(request, "oncall/answered.html", context)


def _guarded(response: HttpResponse) -> HttpResponse:
    """The address is a secret: it must neither be kept nor passed on."""
    patch_cache_control(response, no_store=True, private=True)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
