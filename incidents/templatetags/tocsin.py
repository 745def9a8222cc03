"""The words, times, icons and chips of every page. A builtin of all templates: nothing needs to load it.

Times are aware datetimes; spans are timedeltas or seconds. static/js/clocks.js says the same words as the clocks here.
"""

import math
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from xml.etree import ElementTree

import lucide as lucide_icons
from django import template
from django.forms import BoundField
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from incidents import prose
from incidents.models import Severity, User
from incidents.places import SECTION_OF_VIEW, destinations

register = template.Library()

HOUR = 3600  # seconds
DAY = 24 * HOUR
DAYS_FROM = 2 * DAY  # from here on a clock counts days
TINTS = 6  # the colours av-1 to av-6 of tokens.css
NOBODY = "–"


# Icons, people, severity


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """Draw a lucide icon; beside a word it is silent, alone it needs a label.

    Raises:
        lucide.IconDoesNotExist: no icon has this name.
    """
    voice = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round"'
        ' stroke-linejoin="round" {}>{}</svg>',
        f"i {css}".strip(),
        voice,
        _drawing(str(name)),
    )


@lru_cache(maxsize=256)
def _drawing(name: str) -> SafeString:
    parts = (ElementTree.tostring(part, encoding="unicode") for part in lucide_icons._load_icon(name))
    return SafeString(" ".join("".join(parts).split()))


@register.filter
def initials(person: object) -> str:
    """Shorten a name to the letters of its first and last word: “Lee Park” becomes LP."""
    words = str(person or "").split()
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [word[:2] for word in words]
    return "".join(letters).upper() or "?"


@register.simple_tag
def avatar(person: User | None, size: str = "") -> SafeString:
    """Draw the round mark of a person, always in the same tint; a dashed one when there is nobody."""
    if not person or person.pk is None:
        return format_html(
            '<span class="{}" aria-hidden="true">{}</span>', f"av none {size}".strip(), icon("user-plus")
        )
    css = f"av av-{tint(person)} {size}".strip()
    return format_html('<span class="{}" aria-hidden="true">{}</span>', css, initials(person))


def tint(person: User) -> int:
    """The number of the person's colour, the same everywhere: 1 to 6."""
    return person.pk % TINTS + 1


@register.simple_tag(name="tint")
def tint_class(person: User) -> str:
    """The class that gives a person's mark or shift its ground."""
    return f"av-{tint(person)}"


@register.simple_tag(name="severity")
def severity_chip(level: int, name: str, big: bool = False) -> SafeString:
    """Draw the chip of a severity from its number and name; ``big`` once, in the header of an incident."""
    return format_html('<span class="sev sev-{}{}">P{} {}</span>', level, " big" if big else "", level, name)


@register.simple_tag
def sev(severity: Severity, big: bool = False) -> SafeString:
    """Draw the chip of a severity: “P0 Critical”."""
    return severity_chip(severity.level, severity.name, big)


@register.filter
def markdown(text: str) -> SafeString:
    """Return what a person wrote as safe HTML."""
    return prose.render(text or "")


@register.filter
def marked(text: str) -> SafeString:
    """Return a line that a search found, its hits marked."""
    return prose.marked(text)


@register.filter
def bare(field: BoundField) -> SafeString:
    """Draw a form field without its placeholder: the label says it already."""
    return field.as_widget(attrs={"placeholder": False})


# Times of day


@register.filter
def clock(moment_at: datetime | None) -> str:
    """Say the time of day in UTC: 14:20."""
    return f"{moment_at.astimezone(UTC):%H:%M}" if moment_at else NOBODY


@register.filter
def clock_utc(moment_at: datetime | None) -> str:
    """Say the time of day with its zone: 14:20 UTC."""
    return f"{clock(moment_at)} UTC" if moment_at else NOBODY


@register.filter
def moment(moment_at: datetime | None, at: datetime | None = None) -> str:
    """Say a time with its day when that is not the day of ``at`` (default: now): “Sat 21 Nov, 14:20 UTC”."""
    if not moment_at:
        return NOBODY
    then, now = moment_at.astimezone(UTC), (at or timezone.now()).astimezone(UTC)
    if then.date() == now.date():
        return clock_utc(then)
    day = f"{then:%a} {then.day} {then:%b}" if then.year == now.year else f"{then.day} {then:%b %Y}"
    return f"{day}, {clock_utc(then)}"


@register.filter
def local_time(moment_at: datetime | None, person: User | str) -> str:
    """Say the time on a person's own clock, or that of a zone, with its city: “16:13 Cairo”."""
    name = person if isinstance(person, str) else person.time_zone
    if not moment_at:
        return NOBODY
    city = name.rsplit("/", 1)[-1].replace("_", " ")
    return f"{moment_at.astimezone(zoneinfo.ZoneInfo(name)):%H:%M} {city}"


@register.filter
def iso(moment_at: datetime | None) -> str:
    """Write a time for a machine, in UTC to the millisecond: 2026-11-23T14:20:00.000Z."""
    if not moment_at:
        return ""
    return moment_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@register.simple_tag
def server_now() -> str:
    """Write the server's present time, by which the browser's clocks correct themselves."""
    return iso(timezone.now())


# Spans and clocks that run


def _seconds(length: timedelta | float) -> int:
    return int(length.total_seconds() if isinstance(length, timedelta) else length)


def _hours(seconds: int) -> str:
    hours, minutes = seconds // HOUR, seconds % HOUR // 60
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _days(seconds: int) -> str:
    return f"{seconds // DAY} days"


@register.filter
def span(length: timedelta | float | None) -> str:
    """Say how long: 03:12 under an hour, “2 h 10 min” above, “3 days 4 h” from two days on."""
    if length is None or length == "":
        return NOBODY
    seconds = max(0, _seconds(length))
    if seconds < HOUR:
        return f"{seconds // 60:02}:{seconds % 60:02}"
    if seconds < DAYS_FROM:
        return _hours(seconds)
    hours = seconds % DAY // HOUR
    return f"{_days(seconds)} {hours} h" if hours else _days(seconds)


def _running(seconds: int) -> str:
    return _days(seconds) if seconds >= DAYS_FROM else span(seconds)


def _late(seconds: int) -> str:
    if seconds >= HOUR:
        return f"{_running(seconds)} late"
    return f"{seconds // 60}:{seconds % 60:02} late"


def _remaining(due_at: datetime, at: datetime) -> int:
    """Seconds until due, rounded up so that 00:01 is the last one; zero or less when late."""
    return math.ceil((due_at - at).total_seconds())


@register.filter
def until(due_at: datetime | None, at: datetime | None = None) -> str:
    """Say how far off a deadline is: “in 03:12”, “in 2 h 10 min”, “in 3 days”; “2:14 late” once it has passed."""
    if not due_at:
        return NOBODY
    left = _remaining(due_at, at or timezone.now())
    return f"in {_running(left)}" if left > 0 else _late(-left)


def soon_from(due_at: datetime, since: datetime) -> datetime:
    """The moment from which a deadline counts as soon: its last quarter, at least its last 60 seconds."""
    return due_at - max((due_at - since) / 4, timedelta(seconds=60))


@register.simple_tag(takes_context=True)
def countdown(context: Context, due_at: datetime, since: datetime | None = None, prefix: str = "") -> SafeString:
    """Draw a clock that runs down to ``due_at`` and then says how late it is.

    With ``since``, the start of the obligation, the clock also knows when it is soon. ``prefix`` ("in") is said while
    there is time left, never when late. ``at`` in the context is the present; without it, now.
    """
    at = context.get("at") or timezone.now()
    left = _remaining(due_at, at)
    turns_at = soon_from(due_at, since) if since else None
    state = "late" if left <= 0 else "soon" if turns_at and at >= turns_at else "run"
    words = f"{prefix} {_running(left)}".strip() if left > 0 else _late(-left)
    return format_html(
        '<time class="num" datetime="{0}" data-countdown="{0}" data-soon="{1}" data-prefix="{2}"'
        ' data-state="{3}">{4}</time>',
        iso(due_at),
        iso(turns_at),
        prefix,
        state,
        words,
    )


@register.simple_tag(takes_context=True)
def elapsed(context: Context, since: datetime) -> SafeString:
    """Draw a clock that counts up from ``since``; ``at`` in the context is the present."""
    at = context.get("at") or timezone.now()
    words = _running(max(0, _seconds(at - since)))
    return format_html('<time class="num" datetime="{0}" data-elapsed="{0}">{1}</time>', iso(since), words)


# Where one can go


def _section(context: Context) -> str:
    """The key of the place that the page belongs to; a view may name it as ``section`` in its context."""
    if context.get("section") is not None:
        return str(context["section"])
    match = getattr(context.get("request"), "resolver_match", None)
    if match is None:
        return ""
    if match.url_name and match.url_name.startswith(("account_", "mfa_")):
        return "me"
    return SECTION_OF_VIEW.get(match.view_name, match.namespace)


@register.simple_tag(takes_context=True)
def places(context: Context) -> list[Mapping[str, object]]:
    """List where this person can go: key, label, icon, url, bar, tab, and whether they are there now."""
    here = _section(context)
    return [{**vars(place), "url": url, "here": place.key == here} for place, url in destinations(context.get("user"))]
