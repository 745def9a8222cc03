"""A postmortem to take away: one plain structure, written as JSON, as Markdown and as a page of its own."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString

from incidents import prose
from postmortems import library, publishing, worklist
from postmortems.causes import Branch, Causes
from postmortems.models import ActionItem, DocumentStatus, Erratum, Evidence, Postmortem, Review

FORMAT = "tocsin-postmortem/1"


def as_data(document: Postmortem, at: datetime) -> dict[str, Any]:
    """Everything that a reader sees, as plain values; times are RFC 3339 in UTC (about 13 queries)."""
    incident, causes = document.incident, Causes(document)
    published = document.status == DocumentStatus.PUBLISHED
    facts = document.facts if published else publishing.facts_of(incident)
    reviews = Review.objects.filter(postmortem=document).select_related("reviewer").order_by("pk")
    errata = Erratum.objects.filter(section__postmortem=document).select_related("section", "by").order_by("pk")
    return {
        "format": FORMAT,
        "exported_at": at.isoformat(),
        "incident": {"number": incident.number, "ref": incident.ref, "title": incident.title, "kind": incident.kind},
        "status": document.status,
        "owner": str(document.owner) if document.owner else None,
        "due_at": document.due_at.isoformat(),
        "published_at": document.published_at.isoformat() if document.published_at else None,
        "facts": facts,
        "sections": [
            {"key": part.section.key, "title": part.section.get_key_display(), "text": part.section.text}
            for part in library.parts_of(document)
        ],
        "whys": {"target_depth": document.target_depth, "tree": _branch(causes.drawn)},
        "action_items": [_action(item) for item in worklist.of(incident, at)],
        "no_action_because": document.no_action_because,
        "reviews": [{"reviewer": str(row.reviewer), "verdict": row.verdict, "note": row.note} for row in reviews],
        "corrections": [
            {"section": row.section.key, "reason": row.reason, "by": str(row.by), "at": row.at.isoformat()}
            for row in errata
        ],
    }


def _branch(branch: Branch) -> dict[str, Any]:
    """An answer and what is below it; one that was told in full elsewhere refers to it by its id."""
    why = branch.node.why
    if not branch.full:
        return {"see": why.pk}
    return {
        "id": why.pk,
        "kind": why.kind,
        "question": why.question,
        "answer": why.answer,
        "confidence": why.confidence,
        "is_root_cause": why.is_root_cause,
        "category": why.category if why.is_root_cause else "",
        "accepted_risk": why.accepted_risk,
        "evidence": [_evidence(piece) for piece in branch.node.evidence],
        "causes": [_branch(below) for below in branch.branches],
    }


def _evidence(piece: Evidence) -> dict[str, Any]:
    entry = piece.entry
    return {
        "text": entry.text if entry else piece.label,
        "at": entry.occurred_at.isoformat() if entry else None,
        "url": piece.url,
    }


def _action(item: ActionItem) -> dict[str, Any]:
    return {
        "id": item.pk,
        "title": item.title,
        "owner": str(item.owner) if item.owner else None,
        "due": item.due_date.isoformat(),
        "kind": item.kind,
        "term": item.term,
        "status": item.status,
        "root_causes": [why.pk for why in item.root_causes.all()],
        "verified_how": item.verified_how,
        "dropped_because": item.dropped_because,
    }


def as_json(data: dict[str, Any]) -> str:
    """The structure as it is."""
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def as_markdown(data: dict[str, Any]) -> str:
    """A document with its ids in the front matter (YAML), to be read by people and by tools."""
    return "\n".join(
        [*_front(data), f"# {data['incident']['ref']}: {_line(data['incident']['title'])}", "", *_body(data)]
    )


def _front(data: dict[str, Any]) -> Iterator[str]:
    known = {
        "format": data["format"],
        "incident": data["incident"]["number"],
        "title": data["incident"]["title"],
        "severity": data["facts"].get("severity", ""),
        "service": data["facts"].get("service", ""),
        "status": data["status"],
        "owner": data["owner"],
        "due_at": data["due_at"],
        "published_at": data["published_at"],
        "action_items": [item["id"] for item in data["action_items"]],
    }
    yield "---"
    for name, value in known.items():
        yield f"{name}: {json.dumps(value, ensure_ascii=False)}"  # JSON is YAML
    yield "---"
    yield ""


def _body(data: dict[str, Any]) -> Iterator[str]:
    for number, section in enumerate(data["sections"], start=1):
        yield f"## {number} {section['title']}"
        yield ""
        yield section["text"] or "*Not written yet.*"
        yield ""
        if section["key"] == "impact":
            yield from _facts(data["facts"])
        elif section["key"] == "root_cause":
            yield "### Five whys"
            yield ""
            yield from _outline(data["whys"]["tree"], 0)
            yield ""
        elif section["key"] == "improvements":
            yield from _actions(data)
    for row in data["corrections"]:
        yield f"> Corrected {row['at'][:16].replace('T', ' ')} UTC by {_line(row['by'])}: {_line(row['reason'])}"
        yield ">"


def _facts(facts: dict[str, Any]) -> Iterator[str]:
    yield "| What | When or how much |"
    yield "| --- | --- |"
    for moment in facts.get("moments", []):
        yield f"| {moment['label']} | {moment['words']} |"
    if facts.get("percent") is not None:
        yield f"| Users affected | {facts['percent']} |"
    yield ""


def _outline(branch: dict[str, Any], level: int) -> Iterator[str]:
    indent = "    " * level
    if "see" in branch:
        yield f"{indent}- see why {branch['see']}"
        return
    marks = " **(root cause)**" if branch["is_root_cause"] else ""
    asked = f"*{_line(branch['question'])}* " if branch["question"] and level else ""
    yield f"{indent}- {asked}{_line(branch['answer'])}{marks} `why {branch['id']}`"
    if branch["accepted_risk"]:
        yield f"{indent}    - Risk accepted: {_line(branch['accepted_risk'])}"
    for below in branch["causes"]:
        yield from _outline(below, level + 1)


def _actions(data: dict[str, Any]) -> Iterator[str]:
    if not data["action_items"]:
        because = data["no_action_because"]
        yield f"No action item, because: {_line(because)}" if because else "*No action item yet.*"
    for item in data["action_items"]:
        box = "x" if item["status"] == "done" else " "
        whose = item["owner"] or "nobody"
        causes = f", for why {', '.join(map(str, item['root_causes']))}" if item["root_causes"] else ""
        how = f"({_line(whose)}, due {item['due']}, {item['status']}{causes})"
        yield f"- [{box}] {_line(item['title'])} {how} `action {item['id']}`"
    yield ""


def _line(text: str) -> str:
    """Text in one line."""
    return re.sub(r"\s+", " ", str(text)).strip()


def as_html(data: dict[str, Any]) -> SafeString:
    """A page without style and script that stands alone; what people wrote is made safe as everywhere."""
    title = escape(f"Postmortem of {data['incident']['ref']}: {data['incident']['title']}")
    body = prose.render("\n".join(_body(data)))
    return SafeString(
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )
