"""Find incidents by words: titles in part, their own texts and their timelines in full (Postgres full-text search).

Every expression here has an index made of the very same expression (``Incident.Meta``, ``TimelineEntry.Meta``).
"""

from collections.abc import Sequence

from django.contrib.postgres.search import SearchHeadline, SearchQuery, TrigramWordSimilarity
from django.db.models import Case, F, FloatField, Q, QuerySet, Value, When

from incidents.models import Incident, Service, TimelineEntry
from incidents.models.incident import WORDS, IncidentQuerySet
from incidents.models.timeline import STORY, UNTOLD
from incidents.prose import MARK_END, MARK_START

LIKE = 0.4  # of 1: words of which so many parts agree may mean the same
TOGETHER = 0.5  # what the same service adds to it
LANGUAGE = "english"  # decides how words are cut to their stems; words of other languages are found as they stand


def matching(words: str) -> Q:
    """Keep the incidents that a person means by these words: a number such as INC-7, or what was said of them.

    “Quotes” keep words together, a minus leaves one out, ``or`` widens.
    """
    query = _query(words)
    named = Incident.objects.all()
    for word in words.split():
        named = named.filter(title__icontains=word)
    own = Incident.objects.alias(found=WORDS).filter(found=query)
    told = _told(query)
    found = Q(pk__in=named.order_by().values("pk").union(own.order_by().values("pk"), told.values("incident")))
    number = words.strip().upper().removeprefix("INC-")
    return found | Q(number=int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else found


def alike(rows: IncidentQuerySet, title: str, service: Service | None) -> IncidentQuerySet:
    """Keep the incidents that may be the same: of this service, or of much the same words; the likeliest first."""
    same = Q(service=service) | Q(affected_services=service) if service else Q(pk__in=())
    found = rows.annotate(
        likeness=TrigramWordSimilarity(title, "title"),
        together=Case(When(same, then=Value(TOGETHER)), default=Value(0.0), output_field=FloatField()),
    )
    near = found.filter(Q(together__gt=0) | Q(likeness__gte=LIKE))
    return near.order_by((F("likeness") + F("together")).desc(), F("urgency").desc(), "pk").distinct()


def excerpts(incidents: Sequence[Incident], words: str) -> dict[int, str]:
    """The first line of each incident's story that holds the words, by the incident's id, hits marked (1 query)."""
    query = _query(words)
    headline = SearchHeadline(
        "text", query, config=LANGUAGE, start_sel=MARK_START, stop_sel=MARK_END, max_words=24, min_words=12
    )
    lines = _told(query).filter(incident__in=incidents).annotate(excerpt=headline)
    first = lines.order_by("incident_id", "occurred_at", "seq").distinct("incident_id")
    return dict(first.values_list("incident_id", "excerpt"))


def _query(words: str) -> SearchQuery:
    return SearchQuery(words, config=LANGUAGE, search_type="websearch")


def _told(query: SearchQuery) -> QuerySet[TimelineEntry]:
    return (
        TimelineEntry.objects.filter(replaced_by=None).exclude(kind__in=UNTOLD).alias(found=STORY).filter(found=query)
    )
