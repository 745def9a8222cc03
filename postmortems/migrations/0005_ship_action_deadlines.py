"""Ship how long action items may take at each level; P4 makes one by itself (R-22). Every cell is editable."""

from django.db import migrations

DEADLINES = {0: (15, False), 1: (30, False), 2: (60, False), 3: (90, False), 4: (90, True)}  # days, made on declare


def ship(apps, schema_editor):
    ActionDeadline = apps.get_model("postmortems", "ActionDeadline")
    for level, (days, made_on_declare) in DEADLINES.items():
        ActionDeadline.objects.get_or_create(
            severity_id=level, defaults={"days": days, "made_on_declare": made_on_declare}
        )


class Migration(migrations.Migration):
    dependencies = [("postmortems", "0004_act_on_causes"), ("incidents", "0002_ship_severities")]
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
