"""The rows of the library."""

from postmortems.models.action import ActionDeadline, ActionItem, ActionKind, ActionStatus, Digest, Origin, Term
from postmortems.models.comment import Comment
from postmortems.models.document import (
    DocumentStatus,
    Postmortem,
    Section,
    SectionKey,
    SectionRevision,
    SideText,
    Writer,
)
from postmortems.models.reader import ExternalSummary, FeedKey
from postmortems.models.review import Erratum, Review, Verdict
from postmortems.models.search import SearchText, StaleText
from postmortems.models.template import Template, TemplateVersion
from postmortems.models.tracker import Issue, Tracker, TrackerKind
from postmortems.models.why import Category, Confidence, Evidence, Joined, Why, WhyKind, WhyLink
from postmortems.models.wording import WordingKind, WordingRule

__all__ = [
    "ActionDeadline",
    "ActionItem",
    "ActionKind",
    "ActionStatus",
    "Category",
    "Comment",
    "Confidence",
    "Digest",
    "DocumentStatus",
    "Erratum",
    "Evidence",
    "ExternalSummary",
    "FeedKey",
    "Issue",
    "Joined",
    "Origin",
    "Postmortem",
    "Review",
    "SearchText",
    "Section",
    "SectionKey",
    "SectionRevision",
    "SideText",
    "StaleText",
    "Template",
    "TemplateVersion",
    "Term",
    "Tracker",
    "TrackerKind",
    "Verdict",
    "Why",
    "WhyKind",
    "WhyLink",
    "WordingKind",
    "WordingRule",
    "Writer",
]
