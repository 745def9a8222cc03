"""Where people can go: the places of the navigation."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True)
class Place:
    """One entry of the navigation. ``bar``: in the bar at a desk; ``tab``: among the tabs of a phone."""

    key: str
    label: str
    icon: str
    address: str
    bar: bool = False
    tab: bool = False
    go: str = ""  # the letter after g


PLACES = (
    Place("now", "Now", "bell-ring", "incidents:board", bar=True, tab=True, go="n"),
    Place("incidents", "Incidents", "flame", "incidents:list", bar=True, tab=True, go="i"),
    Place("oncall", "On call", "calendar-days", "oncall:now", bar=True, tab=True, go="o"),
    Place("escalation", "Escalation", "chevrons-up", "oncall:policies", bar=True, go="e"),
    Place("postmortems", "Postmortems", "notebook-pen", "postmortems:list", bar=True, go="p"),
    Place("actions", "Action items", "list-checks", "postmortems:action-list"),
    Place("alerts", "Alerts", "inbox", "incidents:events", go="a"),
    Place("engine", "Engine", "activity", "oncall:engine"),
    Place("sandbox", "Sandbox", "smartphone", "oncall:sandbox"),
    Place("api", "API", "braces", "/api/v1/docs"),
    Place("admin", "Admin", "settings", "admin:index"),
    Place("me", "Me", "circle-user", "incidents:me"),
)
SECTION_OF_VIEW = {
    "incidents:board": "now",
    "incidents:me": "me",
    "incidents:subscriptions": "me",
    "incidents:declare": "",
    "incidents:events": "alerts",
    "incidents:event": "alerts",
    "incidents:routes": "alerts",
    "incidents:routes-of": "alerts",
    "incidents:new-route": "alerts",
    "incidents:route": "alerts",
    "incidents:heartbeats": "alerts",
    "incidents:heartbeat": "alerts",
    "incidents:quiet": "alerts",
    "incidents:plan-maintenance": "alerts",
    "incidents:maintenance": "alerts",
    "incidents:new-silence": "alerts",
    "incidents:silence": "alerts",
    "oncall:policies": "escalation",
    "oncall:policy": "escalation",
    "oncall:engine": "engine",
    "oncall:sandbox": "sandbox",
    "oncall:sandbox-phone": "sandbox",
}


def destinations(person: object) -> list[tuple[Place, str]]:
    """The places that this person can go to, with their addresses."""
    hidden = set() if getattr(person, "is_administrator", False) else {"admin", "engine"}
    if not settings.SANDBOX:
        hidden.add("sandbox")
    return [(place, url) for place in PLACES if place.key not in hidden and (url := _address(place))]


def _address(place: Place) -> str | None:
    if place.address.startswith("/"):
        return place.address
    try:
        return reverse(place.address)
    except NoReverseMatch:  # a part of the product that is not there, or switched off
        return None
