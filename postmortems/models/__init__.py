"""The rows of the library."""

from postmortems.models.document import DocumentStatus, Postmortem, Section, SectionKey, SectionRevision

__all__ = ["DocumentStatus", "Postmortem", "Section", "SectionKey", "SectionRevision"]
