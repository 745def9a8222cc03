"""The rows of the library."""

from postmortems.models.action import ActionDeadline, ActionItem, ActionKind, ActionStatus, Origin, Term
from postmortems.models.document import DocumentStatus, Postmortem, Section, SectionKey, SectionRevision
from postmortems.models.why import Category, Confidence, Evidence, Joined, Why, WhyKind, WhyLink

__all__ = [
    "ActionDeadline",
    "ActionItem",
    "ActionKind",
    "ActionStatus",
    "Category",
    "Confidence",
    "DocumentStatus",
    "Evidence",
    "Joined",
    "Origin",
    "Postmortem",
    "Section",
    "SectionKey",
    "SectionRevision",
    "Term",
    "Why",
    "WhyKind",
    "WhyLink",
]
