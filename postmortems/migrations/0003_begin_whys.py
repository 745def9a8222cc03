"""Put the symptom on top of the tree of every postmortem that was drafted before there were whys."""

from django.db import migrations


def begin(apps, schema_editor):
    Postmortem = apps.get_model("postmortems", "Postmortem")
    Why = apps.get_model("postmortems", "Why")
    without = Postmortem.objects.exclude(whys__kind="symptom").select_related("incident").order_by("pk")
    Why.objects.bulk_create(
        [
            Why(
                postmortem=document,
                kind="symptom",
                answer=document.incident.title,
                created_at=document.created_at,
                edited_at=document.created_at,
            )
            for document in without
        ]
    )


class Migration(migrations.Migration):
    dependencies = [("postmortems", "0002_ask_why")]
    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
