"""Which questions a postmortem asks: choose a template for an incident, revise one without touching documents."""

import re
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from incidents.models import Incident, User
from incidents.refusals import Invalid
from postmortems.models import Postmortem, SectionKey, Template, TemplateVersion
from postmortems.prompts import PROMPTS, Prompt

ASKS_WHO = re.compile(r"\b(who|whom|whose)\b", re.IGNORECASE)
Sections = dict[str, dict[str, Any]]


def built_in() -> Sections:
    """The questions that come with the product."""
    return {
        key.value: {"question": PROMPTS[key].question, "hints": list(PROMPTS[key].hints), "required": True, "start": ""}
        for key in SectionKey
    }


def version_for(incident: Incident) -> TemplateVersion | None:
    """The newest version of the most specific template; None = the built-in questions (1 query)."""
    fits = Q(template__severity=incident.severity_id) | Q(template__severity=None)
    fits &= Q(template__kind=incident.kind) | Q(template__kind="")
    found = TemplateVersion.objects.filter(fits, template__is_active=True).select_related("template")
    rank = sorted(found, key=lambda one: (one.template.severity_id is None, one.template.kind == "", -one.number))
    return rank[0] if rank else None


@transaction.atomic
def revise(template: Template, sections: Sections, *, by: User | None, at: datetime) -> TemplateVersion:
    """Make a new version where something changed; documents keep the one that they began with.

    Raises:
        Invalid: a question asks who (R-72), or is missing.
    """
    locked = Template.objects.select_for_update(no_key=True).get(pk=template.pk)
    for key in SectionKey:
        said = sections[key]
        if not said["question"].strip():
            raise Invalid(key, "Ask something: it opens the empty section.")
        if found := ASKS_WHO.search(" ".join([said["question"], *said["hints"]])):
            raise Invalid(key, f"Ask what and how, never “{found[0].lower()}”: the document looks at the system.")
    last = TemplateVersion.objects.filter(template=locked).order_by("-number").first()
    if last and last.sections == sections:
        return last
    number = last.number + 1 if last else 1
    return TemplateVersion.objects.create(template=locked, number=number, sections=sections, made_by=by, made_at=at)


def prompt_of(document: Postmortem, key: str) -> Prompt:
    """What the section asks for in this document (0 queries when its template version is loaded)."""
    said = document.template_version.sections.get(key) if document.template_version else None
    return Prompt(said["question"], tuple(said["hints"])) if said else PROMPTS[key]


def is_required(document: Postmortem, key: str) -> bool:
    """Whether the document is not published without this section."""
    said = document.template_version.sections.get(key) if document.template_version else None
    return bool(said["required"]) if said else True
