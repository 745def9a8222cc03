"""What happened before: incidents that were much alike and what ended them, root causes that come back (R-79)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Upper

from incidents import search
from incidents.models import Incident, Service, User
from incidents.models.incident import WORDS
from incidents.states import Kind, Status
from postmortems.models import ActionItem, ActionStatus, Postmortem, Why

MOST = 5  # that are shown
NEAR = 300  # incidents of the past that are compared
MUCH = 0.3  # of 1.3: from here on they are much alike
TOGETHER = 0.3  # what the same service adds
SAME = 0.45  # of 1: answers of which so many parts agree name the same cause
LOOKED_AT = 20  # root causes of one document
PARTS = 3  # letters that are compared at a time


@dataclass(frozen=True)
class Before:
    """An incident of the past that was much alike."""

    incident: Incident
    causes: list[Why]
    open_actions: list[ActionItem]
    has_document: bool


@dataclass
class Return:
    """A root cause that was found before, with what is still open about it."""

    why: Why
    earlier: list[Why] = field(default_factory=list)
    open_actions: list[ActionItem] = field(default_factory=list)


def alike(user: User, title: str, service: Service | None, *, but: Incident | None = None) -> list[Before]:
    """Incidents that are over and were much alike, the likeliest first, with their causes and actions (4 queries)."""
    over = Q(status__in=(Status.RESOLVED, Status.CLOSED))
    rows = Incident.objects.visible_to(user).filter(over).exclude(kind__in=Kind.scaled).select_related("severity")
    rows = rows.exclude(pk=but.pk) if but else rows
    rows = rows.annotate(has_document=Exists(Postmortem.objects.filter(incident=OuterRef("pk"))))
    near = {row.pk: row for some in _candidates(rows, title, service) for row in some}
    weighed = sorted(((_weight(row, title, service), row) for row in near.values()), key=lambda one: -one[0])
    found = [row for weight, row in weighed if weight >= MUCH][:MOST]
    causes: dict[int, list[Why]] = {}
    for why in _roots().filter(postmortem__incident__in=found).select_related("postmortem"):
        causes.setdefault(why.postmortem.incident_id, []).append(why)
    waiting: dict[int, list[ActionItem]] = {}
    for item in _unfinished().filter(incident__in=found):
        waiting.setdefault(item.incident_id, []).append(item)
    return [Before(row, causes.get(row.pk, []), waiting.get(row.pk, []), bool(row.has_document)) for row in found]


def _candidates(rows: Any, title: str, service: Service | None) -> Iterator[Any]:
    """The newest that share a word, and the newest of the same service: what can be looked at one by one."""
    newest = rows.order_by("-detected_at", "-pk")
    if words := re.findall(r"\w{3,}", title):
        query = SearchQuery(" or ".join(words[:20]), config=search.LANGUAGE, search_type="websearch")
        yield newest.alias(found=WORDS).filter(found=query)[:NEAR]
    if service:
        yield newest.filter(service=service)[: NEAR // 3]


def _weight(row: Incident, title: str, service: Service | None) -> float:
    together = TOGETHER if service and row.service_id == service.pk else 0.0
    return likeness(title, row.title) + together


def returns(user: User, document: Postmortem, roots: Sequence[Why]) -> list[Return]:
    """Which of these root causes other postmortems that the person may see have named before (2 queries, 0 without)."""
    if not roots:
        return []
    looked_at = list(roots)[:LOOKED_AT]
    alike_any = reduce(or_, (Q(words__trigram_similar=why.answer.upper()) for why in looked_at))
    others = _roots().exclude(postmortem=document).filter(postmortem__incident__in=Incident.objects.visible_to(user))
    others = others.exclude(postmortem__incident__kind__in=Kind.scaled).alias(words=Upper("answer")).filter(alike_any)
    open_ones = Prefetch("actions", _unfinished(), to_attr="open_actions")
    found = others.select_related("postmortem__incident").prefetch_related(open_ones).order_by("-created_at", "-pk")
    back = [Return(why) for why in looked_at]
    for other in found[:200]:
        for one in back:
            if likeness(one.why.answer, other.answer) >= SAME:
                one.earlier.append(other)
                one.open_actions += other.open_actions
    return [one for one in back if one.earlier]


def likeness(one: str, other: str) -> float:
    """How much two texts have in common, 0 to 1, counted as Postgres' pg_trgm counts it."""
    mine, theirs = _parts(one), _parts(other)
    return len(mine & theirs) / len(mine | theirs) if mine and theirs else 0.0


def _parts(text: str) -> set[str]:
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    padded = [f"  {word} " for word in words]
    return {word[i : i + PARTS] for word in padded for i in range(len(word) - PARTS + 1)}


def _roots() -> QuerySet[Why]:
    return Why.objects.filter(is_root_cause=True, removed_at=None).order_by("pk")


def _unfinished() -> QuerySet[ActionItem]:
    rows = ActionItem.objects.filter(status__in=ActionStatus.unfinished).select_related("owner", "incident")
    return rows.order_by("due_date", "pk")
