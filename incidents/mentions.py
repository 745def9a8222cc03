"""Who is meant by @ada or @“ada lovelace” in an entry, and telling them."""

import re
from datetime import datetime

from incidents.models import Incident, Notice, TimelineEntry, User

SIGN = re.compile(r"(?<![\w@.])@(\w[\w.+-]*\w|\w)")
MOST = 10  # people of one entry


def meant(text: str) -> list[User]:
    """The active people whom a text names: by the beginning of their address, or by a name that only one of them has.

    One query where anybody is named. A word that fits two people means neither.
    """
    words = list(dict.fromkeys(word.lower() for word in SIGN.findall(text)))[:MOST]
    if not words:
        return []
    found: dict[str, list[User]] = {}
    for person in User.objects.filter(is_active=True).order_by("pk"):
        for name in _names(person):
            found.setdefault(name, []).append(person)
    people = (found[word][0] for word in words if len(found.get(word, ())) == 1)
    return list(dict.fromkeys(people))


def tell(incident: Incident, entry: TimelineEntry, *, by: User, at: datetime) -> list[User]:
    """Tell those whom the entry names and who may see the incident; nobody is told of their own words."""
    people = [person for person in meant(entry.text) if person != by and _sees(incident, person)]
    notices = [
        Notice(
            person=person,
            incident=incident,
            subject=f"{incident.ref}: {by} mentions you",
            text=f"{incident.severity}: {incident.title}. {by} wrote: {entry.text[:400]}",
            path=f"{incident.get_absolute_url()}#e-{entry.seq}",
            due_at=at,
            dedupe_key=f"mention:{entry.pk}:{person.pk}",
        )
        for person in people
    ]
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    return people


def _names(person: User) -> set[str]:
    words = person.name.lower().split()
    return {person.email.partition("@")[0].lower(), "".join(words), ".".join(words), *words[:1]}


def _sees(incident: Incident, person: User) -> bool:
    return Incident.objects.visible_to(person).filter(pk=incident.pk).exists()
