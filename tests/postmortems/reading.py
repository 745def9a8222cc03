"""How a test reads pages of postmortems."""

import re

from django.utils import timezone

from postmortems.models import Postmortem

LIST = "/postmortems/"


def address(story, key=None):
    number = story.incident.number
    return f"{LIST}{number}/sections/{key}/" if key else f"{LIST}{number}/"


def card_of(story):
    return f"/incidents/{story.incident.number}/postmortem/"


def words(response):
    """What a reader sees: the main part without tags, spaces made single."""
    page = response.content.decode()
    page = page.partition("<main")[2].partition("</main>")[0] or page
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def set_due(story, delta):
    Postmortem.objects.filter(incident=story.incident).update(due_at=timezone.now() + delta)


def fill(browser, story, key, text, base=1, **how):
    return browser.post(address(story, key), {"text": text, "base_version": base}, **how)
