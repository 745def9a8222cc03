"""Ship a checklist for each phase (R-33), in words that administrators may edit."""

from django.db import migrations

ITEMS = {
    "detect": [
        ("Write down what was noticed first, and by whom", "An alert, a call, a colleague: it is the start of the story.", 4),
        ("Compare with what users see", "One try of your own says more than ten graphs.", 3),
    ],
    "respond": [
        ("Confirm that it is an incident", "If it is none, decline it with the reason.", 4),
        ("Assess the severity", "Answer the five questions. Between two levels take the worse one.", 4),
        ("Assemble the team", "Fill the roles that the level asks for; call whoever is missing.", 2),
        ("Establish where people talk", "One call or one room; write its address into the incident.", 2),
        ("Promise the first update", "Say when it comes, then keep to it.", 2),
    ],
    "mitigate": [
        ("Look at what changed in the last two hours", "Releases, flags, certificates, traffic, other people's work.", 4),
        ("Name the quickest way to stop the bleeding", "Roll back, fail over, limit. The cause can wait.", 4),
        ("Ask for strong objections before what cannot be undone", "A minute is enough.", 1),
        ("Give each line of search to one person with a time box", "Ten minutes, then look again.", 2),
        ("Tell the people outside what they can do meanwhile", "A workaround is worth more than a reason.", 1),
    ],
    "resolve": [
        ("Check from the outside that users are well again", "A graph that is back is not a user who is.", 4),
        ("Remove what was only meant for the moment", "Switches, limits, more machines, silenced alerts.", 3),
        ("Name the cause and what removes it for good", "Or say that it is not known yet, and why.", 3),
        ("Mark tasks that must go on as follow-ups", "They begin the improvements of the postmortem.", 3),
        ("Let people go, and thank them", "Release the muster; who was up at night sleeps first.", 1),
    ],
    "postmortem": [
        ("Pin the entries that tell the story", "A newcomer should understand it from them alone.", 2),
        ("Agree who writes and by when", "The clock on the page says when it is due.", 2),
        ("Invite everybody who was there", "Also those who only watched: they saw something else.", 1),
    ],
}


def ship(apps, schema_editor):
    Item = apps.get_model("incidents", "ChecklistItem")
    for phase, rows in ITEMS.items():
        for place, (text, hint, asked_to) in enumerate(rows, start=1):
            Item.objects.create(phase=phase, place=place * 10, text=text, hint=hint, asked_to=asked_to)


def take_back(apps, schema_editor):
    apps.get_model("incidents", "ChecklistTick").objects.all().delete()
    apps.get_model("incidents", "ChecklistItem").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("incidents", "0015_checklists_and_runbooks")]

    operations = [migrations.RunPython(ship, take_back)]
