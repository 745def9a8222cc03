"""Ship the severity contract (RULES section 9), the meaning of alert words, the organisation and the engine's row."""

from datetime import timedelta

from django.db import migrations

M, H, D = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

SEVERITIES = [
    {
        "level": 0,
        "name": "Critical",
        "impact_scope": "Core business completely unavailable",
        "definition": "The core business is down for many users, or money is being lost in a serious way, or data "
        "is lost or leaking on a large scale. Any one of these is enough.",
        "examples": ["primary database down", "payment unavailable", "large data leak or breach"],
        "user_impact": "All users",
        "user_impact_percent": 100,
        "response_requirement": "Answer at once; somebody works on it within 5 minutes",
        "response_time": "Immediate, staffed within 5 minutes",
        "on_call_requirement": "All hands",
        "responders": "All hands of the owning teams",
        "channels": ["voice", "sms", "chat", "email"],
        "urgency_base": 100,
        "escalate_unacked_after": timedelta(0),
        "ack_rule": "span",
        "ack_deadline": 5 * M,
        "respond_rule": "span",
        "respond_by": 5 * M,
        "commander_by": 5 * M,
        "mitigate_by": 15 * M,
        "update_every": 15 * M,
        "acknowledgement_timeout": 30 * M,
        "repeat_call_every": 2 * M,
        "delivery_expires_after": 2 * H,
        "postmortem_rule": "required",
        "postmortem_due": 24 * H,
        "postmortem_target": 24 * H,
    },
    {
        "level": 1,
        "name": "Severe",
        "impact_scope": "Core functionality severely impaired",
        "definition": "The core business still runs, but a function that it needs is badly hurt for many users.",
        "examples": ["login failure rate above 50 %", "widespread API timeouts"],
        "user_impact": "Many users",
        "user_impact_percent": 60,
        "response_requirement": "Answer quickly; the core team gathers",
        "response_time": "Within 15 minutes",
        "on_call_requirement": "Core team",
        "responders": "Core team",
        "channels": ["voice", "chat", "sms", "email"],
        "urgency_base": 70,
        "escalate_unacked_after": 5 * M,
        "ack_rule": "span",
        "ack_deadline": 15 * M,
        "respond_rule": "span",
        "respond_by": 15 * M,
        "commander_by": 15 * M,
        "mitigate_by": None,
        "update_every": 30 * M,
        "acknowledgement_timeout": 60 * M,
        "repeat_call_every": None,
        "delivery_expires_after": 2 * H,
        "postmortem_rule": "required",
        "postmortem_due": 48 * H,
    },
    {
        "level": 2,
        "name": "Major",
        "impact_scope": "Some features malfunctioning",
        "definition": "Some functions fail for some users; the rest of the product works.",
        "examples": ["inaccurate search results", "some pages answer 500"],
        "user_impact": "Some users",
        "user_impact_percent": 30,
        "response_requirement": "The engineer on call takes it",
        "response_time": "Within 1 hour",
        "on_call_requirement": "On-call engineer",
        "responders": "On call",
        "channels": ["chat", "email"],
        "urgency_base": 45,
        "escalate_unacked_after": 15 * M,
        "ack_rule": "span",
        "ack_deadline": 60 * M,
        "respond_rule": "span",
        "respond_by": 60 * M,
        "commander_by": None,
        "mitigate_by": None,
        "update_every": D,
        "acknowledgement_timeout": None,
        "repeat_call_every": None,
        "delivery_expires_after": 30 * M,
        "postmortem_rule": "recommended",
        "postmortem_due": 48 * H,
    },
    {
        "level": 3,
        "name": "Minor",
        "impact_scope": "Non-core features malfunctioning",
        "definition": "A side function fails for very few users; it can wait until working hours.",
        "examples": ["avatars failing to load", "delays of non-critical notifications"],
        "user_impact": "Very few users",
        "user_impact_percent": 5,
        "response_requirement": "Acknowledge the same day, handle it this week",
        "response_time": "Acknowledged the same day, handled this week",
        "on_call_requirement": "Normal planning",
        "responders": "Planned",
        "channels": ["chat", "email"],
        "urgency_base": 20,
        "escalate_unacked_after": None,
        "ack_rule": "business_day",
        "ack_deadline": None,
        "respond_rule": "business_week",
        "respond_by": None,
        "commander_by": None,
        "mitigate_by": None,
        "update_every": None,
        "acknowledgement_timeout": None,
        "repeat_call_every": None,
        "delivery_expires_after": 30 * M,
        "postmortem_rule": "optional",
        "postmortem_due": 48 * H,
    },
    {
        "level": 4,
        "name": "Low",
        "impact_scope": "User experience issues",
        "definition": "It looks or reads wrong, and nobody is kept from anything.",
        "examples": ["misaligned interface", "errors in a text"],
        "user_impact": "No direct impact",
        "user_impact_percent": 0,
        "response_requirement": "Planned by priority",
        "response_time": "Scheduled by priority, no clock",
        "on_call_requirement": "No on-call needed",
        "responders": "None",
        "channels": ["in_app", "email"],
        "urgency_base": 5,
        "escalate_unacked_after": None,
        "ack_rule": "none",
        "ack_deadline": None,
        "respond_rule": "none",
        "respond_by": None,
        "commander_by": None,
        "mitigate_by": None,
        "update_every": None,
        "acknowledgement_timeout": None,
        "repeat_call_every": None,
        "delivery_expires_after": 30 * M,
        "postmortem_rule": "optional",
        "postmortem_due": 48 * H,
    },
]

# Fatal -> P0, Critical -> P1, Warning -> P3 (C-8); the other words are those that common senders use.
WORDS = {
    "fatal": 0, "emergency": 0, "page": 1, "critical": 1, "error": 2, "high": 1, "warning": 3, "low": 4, "info": 4,
}

BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)  # seconds of lateness


def ship(apps, schema_editor):
    Severity = apps.get_model("incidents", "Severity")
    for row in SEVERITIES:
        Severity.objects.create(**row)
    AlertLevel = apps.get_model("incidents", "AlertLevel")
    for word, level in WORDS.items():
        AlertLevel.objects.create(word=word, severity_id=level)
    apps.get_model("incidents", "Organisation").objects.create(pk=1)
    apps.get_model("incidents", "EngineBeat").objects.create(pk=1)
    for upper_seconds in BUCKETS:
        apps.get_model("incidents", "LatenessBucket").objects.create(upper_seconds=upper_seconds)


def take_back(apps, schema_editor):
    for name in ("AlertLevel", "Severity", "Organisation", "EngineBeat", "LatenessBucket"):
        apps.get_model("incidents", name).objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]

    operations = [migrations.RunPython(ship, take_back)]
