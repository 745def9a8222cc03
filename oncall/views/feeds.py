"""Calendar feeds: the file that programs read, and the pages on which people make and revoke addresses."""

import hashlib

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from incidents.refusals import Refusal
from incidents.requests import SignedInRequest
from oncall import feeds
from oncall.models import CalendarFeed, Schedule

FRESH = "fresh-feed"  # of the session: the secret that is shown once, with the feed it belongs to


@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The shifts as iCalendar; 304 for who has them already, 401 for an address that is unknown or revoked."""
    at = timezone.now()
    feed = feeds.find(token, at)
    if feed is None:
        answer = HttpResponse("This calendar address is not valid, or was revoked.\n", "text/plain", status=401)
        answer["WWW-Authenticate"] = 'Tocsin realm="calendar"'
        return answer
    body = feeds.write(feed, at)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    answer = HttpResponse(body, "text/calendar; charset=utf-8")
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, max-age=300"
    answer["Content-Disposition"] = 'inline; filename="on-call.ics"'
    return get_conditional_response(request, etag=etag, response=answer)  # type: ignore[return-value]


@require_http_methods(["GET", "POST"])
@login_required
def mine(request: SignedInRequest) -> HttpResponse:
    """My addresses; a POST makes one of my own shifts."""
    if request.method == "POST":
        return _make(request, None)
    rows = feeds.feeds_of(request.user)
    return render(request, "oncall/my_calendar.html", {"feeds": rows, "fresh": fresh_address(request)})


@require_POST
@login_required
def make(request: SignedInRequest, slug: str) -> HttpResponse:
    """Make an address of a schedule."""
    return _make(request, get_object_or_404(Schedule.objects.filter(is_active=True), slug=slug))


@require_POST
@login_required
def revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    """Revoke an address; whoever reads it is turned away at once."""
    feed = get_object_or_404(CalendarFeed.objects.select_related("schedule__team"), pk=pk)
    try:
        feeds.revoke(feed, by=request.user, at=timezone.now())
        messages.success(request, "Revoked. A program that reads this address is turned away from now on.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect(_page_of(feed.schedule if request.POST.get("from") == "schedule" else None))


def _make(request: SignedInRequest, schedule: Schedule | None) -> HttpResponse:
    feed, secret = feeds.make(request.user, at=timezone.now(), schedule=schedule)
    request.session[FRESH] = [feed.pk, feeds.address_of(secret)]
    return redirect(_page_of(schedule))


def _page_of(schedule: Schedule | None) -> str:
    return f"/on-call/schedules/{schedule.slug}/calendars/" if schedule else "/me/calendar/"


def fresh_address(request: SignedInRequest) -> dict[str, object] | None:
    """The address that was just made, once."""
    if FRESH not in request.session:
        return None
    pk, address = request.session.pop(FRESH)
    return {"pk": pk, "address": address}
