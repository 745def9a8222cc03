"""The sequence behind INC-<n>."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("incidents", "0002_ship_severities")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE incidents_incident_number OWNED BY incidents_incident.number",
            "DROP SEQUENCE incidents_incident_number",
        )
    ]
