"""The rows of the pager."""

from oncall.models.calendar import CalendarFeed, ForeignCalendar, ForeignShift
from oncall.models.contact import Channel, ContactMethod, Probe, ProbeKind
from oncall.models.cover import (
    Leave,
    Override,
    OverrideKind,
    Swap,
    SwapState,
    TemporarySchedule,
    TemporaryShift,
)
from oncall.models.coverage import CoverageCheck, HoleWarning
from oncall.models.escalation import Escalation, EscalationStep, RunState, StepState
from oncall.models.page import Attempt, Canary, Delivery, DeliveryState, Page, SandboxMessage
from oncall.models.policy import (
    Act,
    Condition,
    EscalationLevel,
    EscalationPolicy,
    EscalationTarget,
    Hours,
    TargetKind,
    Turn,
)
from oncall.models.provider import Provider
from oncall.models.reply import ReceivedText, ReplyCode
from oncall.models.rules import Band, Bucket, NotificationRule, Reachability
from oncall.models.schedule import Layer, LayerPerson, Restriction, Schedule, Unit
from oncall.models.shift_notice import HandoffNote, RotationWeight, ShiftWatch, ShiftWish

__all__ = [
    "Act",
    "Attempt",
    "Band",
    "Bucket",
    "CalendarFeed",
    "Canary",
    "Channel",
    "Condition",
    "ContactMethod",
    "CoverageCheck",
    "Delivery",
    "DeliveryState",
    "Escalation",
    "EscalationLevel",
    "EscalationPolicy",
    "EscalationStep",
    "EscalationTarget",
    "ForeignCalendar",
    "ForeignShift",
    "HandoffNote",
    "HoleWarning",
    "Hours",
    "Layer",
    "LayerPerson",
    "Leave",
    "NotificationRule",
    "Override",
    "OverrideKind",
    "Page",
    "Probe",
    "ProbeKind",
    "Provider",
    "Reachability",
    "ReceivedText",
    "ReplyCode",
    "Restriction",
    "RotationWeight",
    "RunState",
    "SandboxMessage",
    "Schedule",
    "ShiftWatch",
    "ShiftWish",
    "StepState",
    "Swap",
    "SwapState",
    "TargetKind",
    "TemporarySchedule",
    "TemporaryShift",
    "Turn",
    "Unit",
]
