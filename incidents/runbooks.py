"""Runbooks: what to do when a service fails, and which of its steps were done in an incident."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from incidents import moves
from incidents.models import EntryKind, Incident, Runbook, RunbookTick, Service, User
from incidents.refusals import TransitionError

STEP = re.compile(r"^ {0,3}[-*+] \[[ xX]\] +(?P<step>\S.*?)\s*$")
HEADING = re.compile(r"^(#{1,6})(?= )", re.MULTILINE)
LONGEST_STEP = 300  # characters


@dataclass(frozen=True)
class Part:
    """A stretch of text, or one step with what became of it."""

    text: str = ""
    step: str = ""
    tick: RunbookTick | None = None


@transaction.atomic
def write(
    *,
    service: Service,
    title: str,
    text: str,
    checked_on: date | None = None,
    is_active: bool = True,
    runbook: Runbook | None = None,
) -> Runbook:
    """Add a runbook, or write another one anew.

    Raises:
        ValidationError: one of the values cannot be right.
    """
    row = runbook or Runbook()
    row.service, row.title, row.text, row.checked_on, row.is_active = service, title, text, checked_on, is_active
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def tick(incident: Incident, pk: int, step: str, *, ticked: bool, by: User, at: datetime) -> Incident:
    """Say that a step is done, or that it is not; both stand on the timeline. Said twice it changes nothing.

    Raises:
        TransitionError: the runbook is none of the incident's, or has no such step.
    """
    locked = moves.lock(incident, None, at)
    runbook = offered(locked).filter(pk=pk).first()
    known = RunbookTick.objects.filter(incident=locked, runbook=pk, step=step).first()
    if runbook is None or (known is None and step not in steps_of(runbook)):
        raise TransitionError("This step is not there any more. Look at the runbook again.")
    if ticked == (known is not None):
        return locked
    if known:
        known.delete()
    else:
        RunbookTick.objects.create(incident=locked, runbook=runbook, step=step, by=by, at=at)
    text = f"{runbook}: {step}" if ticked else f"{runbook}, not done after all: {step}"
    moves.tell(locked, EntryKind.RUNBOOK, text, by, at, data={"runbook": str(runbook.pk)})
    return moves.keep(locked)


def offered(incident: Incident) -> QuerySet[Runbook]:
    """The runbooks of all affected services, the incident's own service first."""
    affected = incident.affected_services.through.objects.filter(incident=incident).values("service")
    rows = Runbook.objects.filter(Q(service=incident.service_id) | Q(service__in=affected))
    used = RunbookTick.objects.filter(incident=incident).values("runbook")
    rows = rows.filter(Q(is_active=True) | Q(pk__in=used)).select_related("service")
    return rows.alias(other=~Q(service=incident.service_id)).order_by("other", "title", "pk")


def with_counts(incident: Incident) -> QuerySet[Runbook]:
    """The offered runbooks, each with how many of its steps are ticked as ``ticked`` (1 query)."""
    ticks = RunbookTick.objects.filter(incident=incident, runbook=OuterRef("pk")).order_by()
    counted = ticks.values("runbook").annotate(count=Count("pk")).values("count")
    return offered(incident).annotate(ticked=Coalesce(Subquery(counted), 0))


def first_of_each(service_ids: Collection[int]) -> dict[int, Runbook]:
    """The runbook that a page of the service points to, for each service that has one (1 query, or none)."""
    if not service_ids:
        return {}
    rows = Runbook.objects.filter(service__in=service_ids, is_active=True).order_by("service", "title", "pk")
    return {row.service_id: row for row in rows.distinct("service")}


def steps_of(runbook: Runbook) -> list[str]:
    """The steps in their order; one that stands twice counts once."""
    return list(dict.fromkeys(part.step for part in _read(runbook.text) if part.step))


def parts_of(runbook: Runbook, incident: Incident) -> list[Part]:
    """The runbook as it is read: text and steps in turn, each step with its tick (1 query)."""
    rows = RunbookTick.objects.filter(incident=incident, runbook=runbook).select_related("by").order_by("pk")
    ticks = {row.step: row for row in rows}
    parts = _read(_from_the_top(runbook.text))
    return [Part(part.text, part.step, ticks.get(part.step)) if part.step else part for part in parts]


def _from_the_top(text: str) -> str:
    """The text with its highest headings at the first level: under the page's own no level is left out."""
    levels = [len(found) for found in HEADING.findall(text)]
    return HEADING.sub(lambda found: found[1][min(levels) - 1 :], text) if levels else text


def _read(text: str) -> Iterator[Part]:
    """Text between steps stays in one piece, so that its Markdown is read as it was written."""
    lines = text.replace("\r\n", "\n").split("\n")
    for is_step, some in groupby(lines, key=lambda line: STEP.match(line) is not None):
        if not is_step:
            if (block := "\n".join(some)).strip():
                yield Part(text=block)
            continue
        for line in some:
            if found := STEP.match(line):
                yield Part(step=found["step"][:LONGEST_STEP])
