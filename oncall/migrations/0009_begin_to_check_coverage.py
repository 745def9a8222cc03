"""Put the one row there that says when coverage is checked next: an hour from now, when things are set up."""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone


def begin(apps, schema_editor):
    row = {"due_at": timezone.now() + timedelta(hours=1)}
    apps.get_model("oncall", "CoverageCheck").objects.get_or_create(pk=1, defaults=row)


class Migration(migrations.Migration):
    dependencies = [("oncall", "0008_remember_warnings_of_holes")]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
