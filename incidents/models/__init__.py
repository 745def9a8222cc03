"""The rows of the ground floor."""

from incidents.models.alert import Alert, AlertStatus, RawEvent
from incidents.models.attachment import Attachment
from incidents.models.catalog import Component, Heartbeat, Integration, IntegrationKind, Service
from incidents.models.clock import Clock, Rule
from incidents.models.command import HANDS_ON, Handover, Muster, MusterCall, Role, RoleCard, RoleHolder
from incidents.models.doing import Decision, MitigationAction, Objection, Remedy, Task, Worked
from incidents.models.engine import EngineBeat, LatenessBucket, LatenessMinute, Setback
from incidents.models.incident import (
    Impact,
    Incident,
    Participant,
    PhaseEntry,
    Relation,
    SeverityChange,
    SeverityProposal,
)
from incidents.models.maintenance import Maintenance, Quiet, Silence
from incidents.models.notice import Notice
from incidents.models.people import (
    Access,
    ApiToken,
    Holiday,
    IdempotentAnswer,
    Membership,
    Organisation,
    Rank,
    Scope,
    Team,
    Theme,
    User,
)
from incidents.models.practice import ChecklistItem, ChecklistTick, Runbook, RunbookTick
from incidents.models.routing import Route
from incidents.models.saved import SavedFilter
from incidents.models.severity import AlertLevel, AssessmentAnswer, DeadlineRule, PostmortemRule, Question, Severity
from incidents.models.timeline import EntryKind, Pin, TimelineEntry
from incidents.models.watch import Pace, Presence, Subscription, Watch

__all__ = [
    "HANDS_ON",
    "Access",
    "Alert",
    "AlertLevel",
    "AlertStatus",
    "ApiToken",
    "AssessmentAnswer",
    "Attachment",
    "ChecklistItem",
    "ChecklistTick",
    "Clock",
    "Component",
    "DeadlineRule",
    "Decision",
    "EngineBeat",
    "EntryKind",
    "Handover",
    "Heartbeat",
    "Holiday",
    "IdempotentAnswer",
    "Impact",
    "Incident",
    "Integration",
    "IntegrationKind",
    "LatenessBucket",
    "LatenessMinute",
    "Maintenance",
    "Membership",
    "MitigationAction",
    "Muster",
    "MusterCall",
    "Notice",
    "Objection",
    "Organisation",
    "Pace",
    "Participant",
    "PhaseEntry",
    "Pin",
    "PostmortemRule",
    "Presence",
    "Question",
    "Quiet",
    "Rank",
    "RawEvent",
    "Relation",
    "Remedy",
    "Role",
    "RoleCard",
    "RoleHolder",
    "Route",
    "Rule",
    "Runbook",
    "RunbookTick",
    "SavedFilter",
    "Scope",
    "Service",
    "Setback",
    "Severity",
    "SeverityChange",
    "SeverityProposal",
    "Silence",
    "Subscription",
    "Task",
    "Team",
    "Theme",
    "TimelineEntry",
    "User",
    "Watch",
    "Worked",
]
