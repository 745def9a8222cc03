"""Ship the answers of the assessment (R-15, R-24 to R-28): each speaks for a level or shifts the suggestion."""

from django.db import migrations

ANSWERS = {
    "core": [
        ("down", "The core business is down", 0, 0, "the core business is down"),
        ("impaired", "The core business runs, badly", 1, 0, "a core function is badly impaired"),
        ("some", "Some features fail", 2, 0, "some features fail"),
        ("side", "A side function fails", 3, 0, "only a side function fails"),
        ("cosmetic", "It looks or reads wrong", 4, 0, "it only looks or reads wrong"),
    ],
    "scope": [
        ("all", "All or nearly all", 1, -1, "nearly all users notice", 90),
        ("many", "Many", 1, 0, "many users notice", 50),
        ("some", "Some", 2, 0, "some users notice", 10),
        ("few", "A few", 3, 1, "few users notice", 1),
        ("none", "None directly", 4, 1, "no user notices directly", 0),
        ("unknown", "Nobody knows yet", None, 0, ""),
    ],
    "revenue": [
        ("serious", "Serious losses", 0, 0, "serious financial loss"),
        ("some", "Some: payments or orders suffer", 1, 0, "payments or orders suffer"),
        ("no", "No", None, 0, ""),
        ("unknown", "Nobody knows yet", None, 0, ""),
    ],
    "data": [
        ("large", "Lost, or exposed on a large scale", 0, 0, "data is lost or exposed on a large scale"),
        ("suspected", "Suspected: treat it as the worst", 0, 0, "a loss or leak of data is suspected"),
        ("no", "No", None, 0, ""),
    ],
    "workaround": [
        ("yes", "Yes, there is a way around it", None, 1, "users have a way around it"),
        ("no", "No", None, 0, ""),
    ],
}


def ship(apps, schema_editor):
    AssessmentAnswer = apps.get_model("incidents", "AssessmentAnswer")
    for question, rows in ANSWERS.items():
        for place, (word, label, level, shift, because, *percent) in enumerate(rows, start=1):
            AssessmentAnswer.objects.create(
                question=question,
                word=word,
                place=place,
                label=label,
                level_id=level,
                shift=shift,
                because=because,
                from_percent=percent[0] if percent else None,
            )


def take_back(apps, schema_editor):
    apps.get_model("incidents", "AssessmentAnswer").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("incidents", "0010_assessment")]

    operations = [migrations.RunPython(ship, take_back)]
