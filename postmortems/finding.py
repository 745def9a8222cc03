"""Find postmortems in the library: by their words, narrowed by what they were about."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from incidents.models import Incident, Severity, User
from incidents.prose import MARK_END, MARK_START
from incidents.search import LANGUAGE
from incidents.states import Detection, Kind
from postmortems.models import ActionItem, ActionStatus, Category, DocumentStatus, Postmortem, Section, Why

MOST = 2000  # documents that one search looks at, the newest first
RANKED = 500  # hits up to which the best stand first instead of the newest
LETTERS_A_MINUTE = 1200  # that are read
AROUND = 90  # characters beside a hit
WORD = re.compile(r"'((?:[^']|'')+)'")


@dataclass(frozen=True)
class Wanted:
    """What is looked for; empty = everything."""

    q: str = ""
    service: str = ""
    team: str = ""
    severity: str = ""
    category: str = ""
    detection: str = ""
    quarter: str = ""
    status: str = ""
    drills: bool = False


@dataclass(frozen=True)
class Choice:
    """A value of a facet, and how many of the hits have it."""

    value: str
    label: str
    count: int


@dataclass
class Facet:
    """One way to narrow a search."""

    name: str
    label: str
    choices: list[Choice] = field(default_factory=list)


@dataclass
class Found:
    """The hits in their order, and how they can be narrowed. ``is_cut``: there are more than one search looks at."""

    keys: list[int]
    facets: list[Facet]
    is_cut: bool


@dataclass(frozen=True)
class Hit:
    """A document as the library shows it."""

    document: Postmortem
    incident: Incident
    minutes: int  # that it takes to read
    open_actions: int
    causes: list[Why]
    excerpt: str  # plain text, hits marked; empty = none
    is_published: bool


def matching(user: User, wanted: Wanted) -> QuerySet[Postmortem]:
    """What the person may see of what is looked for, in no order."""
    rows = Postmortem.objects.filter(incident__in=Incident.objects.visible_to(user))
    if not wanted.drills:
        rows = rows.exclude(incident__kind__in=Kind.scaled)
    if words := wanted.q.strip():
        found = Q(search_text__words=_query(words))
        number = words.upper().removeprefix("INC-")
        is_number = number.isascii() and number.isdigit() and len(number) < 10
        rows = rows.filter(found | Q(incident__number=int(number)) if is_number else found)
    narrowed = {
        "incident__service__slug": wanted.service,
        "incident__service__team__slug": wanted.team,
        "incident__severity": int(wanted.severity) if wanted.severity in "01234" and wanted.severity else "",
        "incident__detection": wanted.detection,
        "status": wanted.status,
    }
    rows = rows.filter(**{name: value for name, value in narrowed.items() if value != ""})
    if wanted.category:
        roots = Why.objects.filter(category=wanted.category, is_root_cause=True, removed_at=None)
        rows = rows.filter(pk__in=roots.values("postmortem"))
    if parts := re.fullmatch(r"(\d{4})-Q([1-4])", wanted.quarter):
        rows = rows.filter(incident__detected_at__year=int(parts[1]), incident__detected_at__quarter=int(parts[2]))
    return rows


def find(user: User, wanted: Wanted) -> Found:
    """Look through the library (3 queries)."""
    rows = matching(user, wanted)
    columns = ("pk", "incident__service__slug", "incident__service__name", "incident__service__team__slug")
    more = ("incident__service__team__name", "incident__severity", "incident__detection", "incident__detected_at")
    newest = rows.order_by("-incident__detected_at", "-pk").values_list(*columns, *more, "status")
    seen = list(newest[: MOST + 1])
    is_cut, seen = len(seen) > MOST, seen[:MOST]
    keys = [row[0] for row in seen]
    facets = _facets(seen)
    if wanted.q.strip() and len(keys) <= RANKED:
        best = Postmortem.objects.filter(pk__in=keys).annotate(
            rank=SearchRank(F("search_text__words"), _query(wanted.q))
        )
        keys = list(best.order_by("-rank", "-incident__detected_at", "-pk").values_list("pk", flat=True))
    return Found(keys, facets, is_cut)


def _query(words: str) -> SearchQuery:
    return SearchQuery(words, config=LANGUAGE, search_type="websearch")


def _facets(seen: Sequence[tuple[Any, ...]]) -> list[Facet]:
    roots = Why.objects.filter(is_root_cause=True, removed_at=None, postmortem__in=[row[0] for row in seen])
    categories = roots.order_by().values_list("category").annotate(count=Count("postmortem", distinct=True))
    levels = {row[5] for row in seen}
    names = {level.level: level.label for level in Severity.objects.all()} if levels else {}
    quarters = Counter(_quarter(row[7]) for row in seen)
    return [
        _facet("status", "State", Counter(row[8] for row in seen), dict(DocumentStatus.choices)),
        _facet("severity", "Severity", Counter(str(row[5]) for row in seen), {str(key): names[key] for key in levels}),
        _facet("service", "Service", Counter(row[1] for row in seen), {row[1]: row[2] for row in seen}),
        _facet("team", "Team", Counter(row[3] for row in seen), {row[3]: row[4] for row in seen}),
        _facet("category", "Root cause", Counter(dict(categories)), dict(Category.choices)),
        _facet("detection", "Noticed by", Counter(row[6] for row in seen), dict(Detection.choices)),
        _facet("quarter", "Quarter", quarters, {name: name.replace("-", " ") for name in quarters}),
    ]


def _facet(name: str, label: str, counts: "Counter[str]", labels: dict[str, str]) -> Facet:
    order = sorted(counts, key=lambda value: (-counts[value], value))
    if name in ("severity", "quarter"):
        order = sorted(counts, reverse=name == "quarter")
    return Facet(name, label, [Choice(value, str(labels.get(value, value)), counts[value]) for value in order])


def _quarter(moment: datetime) -> str:
    return f"{moment.year}-Q{(moment.month + 2) // 3}"


def hits(keys: Sequence[int], words: str) -> list[Hit]:
    """The documents with these keys, in their order (6 queries with words, 3 without)."""
    rows = Postmortem.objects.filter(pk__in=keys).select_related(
        "incident__severity", "incident__service__team", "owner", "search_text"
    )
    known = {document.pk: document for document in rows}
    documents = [known[key] for key in keys if key in known]
    causes: dict[int, list[Why]] = {}
    for why in Why.objects.filter(postmortem__in=keys, is_root_cause=True, removed_at=None).order_by("pk"):
        causes.setdefault(why.postmortem_id, []).append(why)
    of_incidents = ActionItem.objects.filter(incident__postmortem__in=keys, status__in=ActionStatus.unfinished)
    waiting = dict(of_incidents.order_by().values_list("incident").annotate(count=Count("pk")))
    excerpts = _excerpts(keys, words) if words.strip() else {}
    return [
        Hit(
            document,
            document.incident,
            _minutes(document),
            waiting.get(document.incident_id, 0),
            causes.get(document.pk, []),
            excerpts.get(document.pk, ""),
            document.status == DocumentStatus.PUBLISHED,
        )
        for document in documents
    ]


def _minutes(document: Postmortem) -> int:
    text = getattr(document, "search_text", None)
    return max(1, round(text.characters / LETTERS_A_MINUTE)) if text else 1


def _excerpts(keys: Sequence[int], words: str) -> dict[int, str]:
    """A few words around the first hit of each document; answers come before sections (3 queries)."""
    stems = _stems(words)
    if not stems:
        return {}
    pattern = re.compile(r"\b(?:" + "|".join(stems) + r")\w*", re.IGNORECASE)
    texts: dict[int, list[str]] = {key: [] for key in keys}
    answers = Why.objects.filter(postmortem__in=keys, removed_at=None).order_by("pk")
    sections = Section.objects.filter(postmortem__in=keys).order_by("position", "pk")
    for rows in (answers.values_list("postmortem", "answer"), sections.values_list("postmortem", "text")):
        for key, text in rows:
            texts[key].append(text)
    return {key: excerpt for key, found in texts.items() if (excerpt := _excerpt(found, pattern))}


def _excerpt(texts: Sequence[str], pattern: re.Pattern[str]) -> str:
    hit = next(((text, found) for text in texts if (found := pattern.search(text))), None)
    if hit is None:
        return ""
    text, found = hit
    start, end = max(0, found.start() - AROUND), found.end() + AROUND
    piece = text[start:end].replace(MARK_START, "").replace(MARK_END, "")
    marked = pattern.sub(lambda one: f"{MARK_START}{one[0]}{MARK_END}", " ".join(piece.split()))
    return f"{'… ' if start else ''}{marked}{' …' if end < len(text) else ''}"


def _stems(words: str) -> list[str]:
    """The stems of what is looked for, as parts of a pattern (1 query)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT querytree(websearch_to_tsquery(%s::regconfig, %s))", [LANGUAGE, words])
        tree = cursor.fetchone()[0]
    stems = [found.replace("''", "'") for found in WORD.findall(tree)]
    return [re.escape(stem[:-1]) + "[iy]" if stem.endswith("i") else re.escape(stem) for stem in stems]
