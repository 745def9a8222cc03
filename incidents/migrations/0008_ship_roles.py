"""Ship the five role cards (R-50 to R-56): what each does, is good at and says, in words that administrators may edit."""

from django.db import migrations

CARDS = [
    {
        "role": "commander",
        "place": 1,
        "name": "Incident Commander",
        "duties": [
            "Coordinates everything that is done about the incident",
            "Takes the big decisions: roll back or shift traffic or switch something off",
            "Keeps the roles working together and fills the ones that are empty",
            "Sets the rhythm: who reports when and when the next update is due",
        ],
        "skills": ["big picture", "decision making", "coordination", "calm under stress"],
        "phrase": "I have command. Tomasz, what do you need, and when do we hear from you again?",
        "asked_to": 2,
    },
    {
        "role": "communications",
        "place": 2,
        "name": "Communications Lead",
        "duties": [
            "Keeps the status page true",
            "Answers customers and the people who talk to customers",
            "Briefs management on time so that nobody has to ask",
            "Stands between the outside and those who repair",
        ],
        "skills": ["plain writing", "audience", "timing", "tact"],
        "phrase": "Next update goes out at 14:20. What may I say about the cause?",
        "asked_to": 1,
    },
    {
        "role": "tech_lead",
        "place": 3,
        "name": "Tech Lead",
        "duties": [
            "Leads the search for the cause and the repair",
            "Divides the work among the technical people",
            "Reports progress and options with their risks to the commander",
        ],
        "skills": ["system knowledge", "debugging", "delegation", "judging risk"],
        "phrase": "Two options: roll back in four minutes, or fail over in two with a short gap. I would fail over.",
        "asked_to": 2,
    },
    {
        "role": "operations",
        "place": 4,
        "name": "Operations Lead",
        "duties": [
            "Watches the running system and says what it does",
            "Carries out changes to machines and networks and databases",
            "Checks that each change did what it was meant to do",
        ],
        "skills": ["infrastructure", "monitoring", "failover", "careful hands"],
        "phrase": "Failover is done and connections are back. I watch the error rate for two minutes.",
        "asked_to": 0,
    },
    {
        "role": "development",
        "place": 5,
        "name": "Development Lead",
        "duties": [
            "Finds out what changed in the code",
            "Prepares the roll back or the fix and has it read by a second person",
            "Says what a change of code may break",
        ],
        "skills": ["code base", "release process", "reading logs", "small fixes"],
        "phrase": "Yesterday's release brought the slow query. The roll back is ready, say go.",
        "asked_to": 0,
    },
]


def ship(apps, schema_editor):
    for card in CARDS:
        apps.get_model("incidents", "RoleCard").objects.create(**card)


def take_back(apps, schema_editor):
    apps.get_model("incidents", "RoleCard").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("incidents", "0007_clocks_and_roles")]

    operations = [migrations.RunPython(ship, take_back)]
