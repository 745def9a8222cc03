"""Let everybody who owns an unfinished action item get the weekly letter: the first on the coming Monday."""

from django.db import migrations

BEGIN = """
    INSERT INTO postmortems_digest (person_id, due_at)
    SELECT DISTINCT owner_id, date_trunc('week', now()) + interval '7 days 9 hours'
    FROM postmortems_actionitem WHERE owner_id IS NOT NULL AND status IN ('open', 'in_progress')
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("postmortems", "0014_write_weekly")]
    operations = [migrations.RunSQL(BEGIN, migrations.RunSQL.noop)]
