"""Keep the words that the library searches: triggers say what changed, a due source reads it anew."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from incidents import due
from postmortems.models import StaleText

LONGEST = 300_000  # characters of one document that are searched; the type of the column holds a megabyte
READ = """
    INSERT INTO postmortems_searchtext (postmortem_id, words, characters)
    SELECT document.id,
        setweight(to_tsvector('english', incident.title), 'A')
            || setweight(to_tsvector('english', left(coalesce(why.text, ''), %(longest)s)), 'B')
            || setweight(to_tsvector('english', left(coalesce(action.text, ''), %(longest)s / 4)), 'C')
            || to_tsvector('english', left(coalesce(section.text, ''), %(longest)s)),
        coalesce(section.length, 0)
    FROM postmortems_postmortem AS document
    JOIN incidents_incident AS incident ON incident.id = document.incident_id
    LEFT JOIN LATERAL (
        SELECT string_agg(text, ' ' ORDER BY position) AS text, sum(length(text)) AS length
        FROM postmortems_section WHERE postmortem_id = document.id
    ) AS section ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(answer, ' ' ORDER BY id) AS text
        FROM postmortems_why WHERE postmortem_id = document.id AND removed_at IS NULL
    ) AS why ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(title || ' ' || detail, ' ' ORDER BY id) AS text
        FROM postmortems_actionitem WHERE incident_id = document.incident_id
    ) AS action ON true
    WHERE document.id = ANY(%(documents)s)
    ON CONFLICT (postmortem_id) DO UPDATE SET words = EXCLUDED.words, characters = EXCLUDED.characters
"""


def waiting(at: datetime) -> QuerySet[StaleText]:
    """Documents whose words are to be read anew; a document may stand there several times."""
    return StaleText.objects.order_by("pk")


def read_due(at: datetime) -> due.Done:
    """Read what changed: the due source ``library``."""
    return due.do_set("library", waiting(at), _read, at)


@transaction.atomic
def _read(ids: Sequence[int], at: datetime) -> int:
    rows = StaleText.objects.filter(pk__in=ids).select_for_update(skip_locked=True).order_by("pk")
    found = dict(rows.values_list("pk", "postmortem"))
    with connection.cursor() as cursor:
        cursor.execute(READ, {"documents": sorted(set(found.values())), "longest": LONGEST})
    StaleText.objects.filter(pk__in=found).delete()
    return len(found)
