"""The palette, and the way from one open incident to the next: both by key from any page."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from incidents import search
from incidents.models import Incident
from incidents.places import destinations
from incidents.requests import SignedInRequest, incident_for

MOST = 8  # incidents shown


@dataclass(frozen=True)
class Found:
    """One thing to open."""

    icon: str
    label: str
    url: str
    more: str = ""


@require_safe
@login_required
def palette(request: SignedInRequest) -> HttpResponse:
    """Pages, kept choices and incidents that fit the words; without words the pages and what is open (3 queries)."""
    words = request.GET.get("q", "")[:200].replace("\0", "").strip()
    found = [one for one in _pages(request) if words.lower() in one.label.lower()]
    found += [
        Found("search", kept.name, f"{reverse('incidents:list')}?{kept.query}", "kept choice")
        for kept in request.user.saved_filters.filter(name__icontains=words).order_by("name", "pk")
    ]
    rows = Incident.objects.visible_to(request.user).select_related("severity")
    rows = rows.filter(search.matching(words)) if words else rows.open()
    incidents = [
        Found("flame", f"{one.ref} {one.title}", one.get_absolute_url(), f"{one.severity.label}, {_state(one)}")
        for one in rows.by_urgency()[:MOST]
    ]
    ordered = incidents + found if words else found + incidents
    return render(request, "incidents/_palette.html", {"found": ordered, "words": words})


@require_safe
@login_required
def step(request: SignedInRequest, number: int, way: str) -> HttpResponse:
    """Go to the open incident before or after this one in the queue, round and round; alone, stay."""
    here = incident_for(request, number)
    queue = list(Incident.objects.visible_to(request.user).open().by_urgency().values_list("number", flat=True))
    if not queue:
        return redirect(here)
    place = queue.index(number) if number in queue else -1
    step = 1 if way == "next" else -1
    other = queue[(place + step) % len(queue)] if place >= 0 else queue[0]
    return redirect("incidents:detail", other)


def _pages(request: SignedInRequest) -> list[Found]:
    pages = [Found(place.icon, place.label, url) for place, url in destinations(request.user)]
    if request.user.may_declare:
        pages.insert(0, Found("siren", "Declare an incident", reverse("incidents:declare")))
    return pages


def _state(incident: Incident) -> str:
    return str(incident.get_status_display()).lower()
