"""The timeline as the reader asks for it: filtered, searched, from either end."""

from typing import Any

from incidents import timeline
from incidents.models import Incident, TimelineEntry
from incidents.requests import SignedInRequest

SHOWN = {
    "": ("All", timeline.Wanted()),
    "story": ("Story", timeline.Wanted(pinned=True, noise=True)),
    "decisions": ("Decisions", timeline.Wanted(kinds=("decision", "asked", "objection"))),
    "findings": ("Findings", timeline.Wanted(kinds=("finding",))),
    "updates": ("Updates", timeline.Wanted(kinds=("update",))),
}
RAW = timeline.Wanted(noise=True)


def story_of(request: SignedInRequest, incident: Incident) -> dict[str, Any]:
    """The timeline as asked for: newest first while it is open, oldest first after (1 query, 2 where files are)."""
    show = request.GET.get("show", "")
    wanted = RAW if show == "all" else SHOWN.get(show, SHOWN[""])[1]
    words = request.GET.get("words", "")[:200].replace("\0", "").strip()
    wanted = timeline.Wanted(wanted.kinds, words, wanted.pinned, wanted.noise)
    order = request.GET.get("order", "")
    oldest_first = order == "old" or (order != "new" and not incident.is_open)
    mark = _named(incident, request.GET.get("beyond", "") or request.GET.get("before", ""))
    limit = timeline.NEWEST + 1
    entries = timeline.page_of(incident, wanted, oldest_first=oldest_first, beyond=mark, limit=limit)
    more, entries = len(entries) > timeline.NEWEST, entries[: timeline.NEWEST]
    return {
        "entries": entries,
        "more": more,
        "last_shown": entries[-1].seq if entries else 0,
        "day_before": mark.occurred_at if mark else None,
        "show": show,
        "words": words,
        "order": "old" if oldest_first else "new",
        "hidden": entries[0].hidden if entries else timeline.count_hidden(incident, wanted),  # type: ignore[attr-defined]
        "filters": [(key, label) for key, (label, _) in SHOWN.items()],
    }


def _named(incident: Incident, seq: str) -> TimelineEntry | None:
    if not (seq.isascii() and seq.isdigit() and len(seq) < 10):
        return None
    return TimelineEntry.objects.filter(incident=incident, seq=int(seq)).first()
