"""Ship the rules of the language check (R-72, R-78). Administrators edit them."""

from django.db import migrations

RULES = [
    (
        "Should have",
        "phrase",
        "should have\nshould've\nshouldn't have\nshould not have\nought to have\ncould have known\nfailed to",
        "This compares with a past that did not happen.",
        "What did the situation look like at that moment, and what made this the sensible thing to do?",
    ),
    (
        "Human error",
        "phrase",
        "human error\noperator error\nuser error\nhuman mistake\nhuman failure",
        "This is where the questions begin, not an answer.",
        "What made the slip easy to make, and what made it hard to notice?",
    ),
    (
        "Forgetting",
        "phrase",
        "forgot\nforgotten\nforgets\ndid not remember\ndidn't remember\noverlooked\nmissed the",
        "This asks memory to be a safeguard.",
        "What in the system relied on memory here, and what could have shown the gap?",
    ),
    (
        "Carelessness",
        "phrase",
        "careless*\nnegligen*\nsloppy\nlazy\nincompeten*\nreckless*\ninattenti*\nunprofessional*",
        "This judges a person.",
        "What were the conditions of the work: time, tools, interruptions, knowledge?",
    ),
    (
        "Fault",
        "phrase",
        "fault of\nhis fault\nher fault\ntheir fault\nto blame\nblame*\nguilty\nculprit\nresponsible for the outage\nwho caused",
        "This looks for a culprit.",
        "What let the change reach users, and what would have stopped it whoever made it?",
    ),
    (
        "Hindsight",
        "phrase",
        "obviously\nclearly should\nit was obvious\nanyone could see\nsimply had to\nwhy didn't",
        "This is only clear from here.",
        "What could be seen at the time, and what hid the rest?",
    ),
    (
        "Names of people",
        "name",
        "",
        "This names a person.",
        "What in the system made that possible, or invisible? Name the role, the tool or the step instead.",
    ),
]


def ship(apps, schema_editor):
    WordingRule = apps.get_model("postmortems", "WordingRule")
    for name, kind, phrases, finding, question in RULES:
        WordingRule.objects.get_or_create(
            name=name, defaults={"kind": kind, "phrases": phrases, "finding": finding, "question": question}
        )


class Migration(migrations.Migration):
    dependencies = [("postmortems", "0007_mind_wording")]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
