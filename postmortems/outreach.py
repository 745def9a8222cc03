"""Tell others what was learned: a summary for customers, and an Atom feed for colleagues."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from incidents import prose
from incidents.models import Incident, User
from incidents.refusals import Invalid, StaleVersion
from incidents.states import Kind
from postmortems.drafting import in_words
from postmortems.models import (
    ActionItem,
    ActionStatus,
    DocumentStatus,
    ExternalSummary,
    FeedKey,
    Postmortem,
    Section,
    SectionKey,
)

LONGEST = 10_000  # characters
ENTRIES = 50  # of the feed


def suggest(document: Postmortem) -> str:
    """A first text for customers from what is on record: no names, no causes, nothing of the inside (1 query)."""
    incident = document.incident
    started = incident.impact_started_at or incident.detected_at
    ended = incident.recovered_at or incident.resolved_at
    title = incident.title.strip().rstrip(".")
    length = f", for {in_words(ended - started)}" if ended else ""
    until = f" to {ended:%Y-%m-%d %H:%M}" if ended else ""
    todo = ActionItem.objects.filter(incident=incident).exclude(status=ActionStatus.DROPPED).count()
    steps = f"We have written down {todo} step{'s' if todo != 1 else ''}" if todo else "We are looking for steps"
    return "\n\n".join(
        [
            f"### What happened\n\n{title}. It lasted from {started:%Y-%m-%d %H:%M}{until} UTC{length}.",
            f"### Who noticed\n\nAbout {incident.percent} % of users were affected. Say here what they could not do.",
            "### What we did\n\nWe stopped the trouble, watched until everything worked again, and looked for causes.",
            f"### What we change\n\n{steps} so that this does not come back. Say here those that matter to customers.",
            "We are sorry for the trouble.",
        ]
    )


@transaction.atomic
def save(document: Postmortem, *, text: str, version: int, by: User, at: datetime) -> ExternalSummary:
    """Keep the text for customers; ``version`` is the one from which the writing began, 0 = there was none.

    Raises:
        Invalid: no text, or too much of it.
        StaleVersion: somebody else saved meanwhile.
    """
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST:
        raise Invalid("text", f"Write 1 to {LONGEST:,} characters.")
    Postmortem.objects.select_for_update(no_key=True).get(pk=document.pk)
    known = ExternalSummary.objects.select_related("edited_by").filter(postmortem=document).first()
    if (known.version if known else 0) != version:
        who = known.edited_by if known else "Somebody"
        raise StaleVersion(f"{who} saved another text meanwhile. Yours is still here: compare them, then save again.")
    said = {"text": text, "version": version + 1, "edited_by": by, "edited_at": at}
    return ExternalSummary.objects.update_or_create(postmortem=document, defaults=said)[0]


@transaction.atomic
def make_key(person: User, at: datetime) -> str:
    """Make the secret of the person's feed anew and return it; it is shown this once."""
    key = secrets.token_urlsafe(24)
    FeedKey.objects.update_or_create(person=person, defaults={"digest": _digest(key), "made_at": at})
    return key


@transaction.atomic
def end_key(person: User) -> None:
    """End the person's feed."""
    FeedKey.objects.filter(person=person).delete()


def reader_of(key: str) -> User | None:
    """Whose feed this is, if they are still with us (1 query)."""
    found = FeedKey.objects.select_related("person").filter(digest=_digest(key), person__is_active=True).first()
    return found.person if found else None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def feed(person: User, *, base: str, service: str = "") -> str:
    """The newest published postmortems that the person may see, as Atom; ``base`` begins our addresses (2 queries)."""
    rows = Postmortem.objects.filter(status=DocumentStatus.PUBLISHED, published_at__isnull=False)
    rows = rows.filter(incident__in=Incident.objects.visible_to(person)).exclude(incident__kind__in=Kind.scaled)
    rows = rows.filter(incident__service__slug=service) if service else rows
    shown = list(
        rows.select_related("incident__severity", "incident__service").order_by("-published_at", "-pk")[:ENTRIES]
    )
    summaries = Section.objects.filter(postmortem__in=shown, key=SectionKey.SUMMARY)
    texts = dict(summaries.values_list("postmortem", "text"))
    of = f" of {service}" if service else ""
    atom = Atom1Feed(title=f"Postmortems{of}", link=f"{base}/postmortems/library/", description="", language="en")
    for document in shown:
        incident = document.incident
        atom.add_item(
            title=_plain(f"{incident.severity.label} {incident.service}: {incident.title}"),
            link=base + reverse("postmortems:detail", args=[incident.number]),
            description=_plain(str(prose.render(texts.get(document.pk, "")))),
            unique_id=f"{base}/postmortems/{incident.number}/",
            pubdate=document.published_at,
            updateddate=document.published_at,
        )
    return str(atom.writeString("utf-8"))


def _plain(text: str) -> str:
    """Without the characters that XML forbids."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
