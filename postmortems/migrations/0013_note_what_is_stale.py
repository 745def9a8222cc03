"""Let the database note which documents are to be read anew for the search, whoever writes them."""

from django.db import migrations

NOTE = """
    CREATE FUNCTION postmortems_note_stale() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'postmortems_actionitem' THEN
            INSERT INTO postmortems_staletext (postmortem_id)
            SELECT id FROM postmortems_postmortem WHERE incident_id = NEW.incident_id;
        ELSIF TG_TABLE_NAME = 'incidents_incident' THEN
            INSERT INTO postmortems_staletext (postmortem_id)
            SELECT id FROM postmortems_postmortem WHERE incident_id = NEW.id;
        ELSE
            INSERT INTO postmortems_staletext (postmortem_id) VALUES (NEW.postmortem_id);
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER note_stale AFTER INSERT OR UPDATE OF text ON postmortems_section
        FOR EACH ROW EXECUTE FUNCTION postmortems_note_stale();
    CREATE TRIGGER note_stale AFTER INSERT OR UPDATE OF answer, removed_at ON postmortems_why
        FOR EACH ROW EXECUTE FUNCTION postmortems_note_stale();
    CREATE TRIGGER note_stale AFTER INSERT OR UPDATE OF title, detail ON postmortems_actionitem
        FOR EACH ROW EXECUTE FUNCTION postmortems_note_stale();
    CREATE TRIGGER note_stale AFTER UPDATE OF title ON incidents_incident
        FOR EACH ROW WHEN (OLD.title IS DISTINCT FROM NEW.title) EXECUTE FUNCTION postmortems_note_stale();
    INSERT INTO postmortems_staletext (postmortem_id) SELECT id FROM postmortems_postmortem;
"""
FORGET = """
    DROP TRIGGER note_stale ON incidents_incident;
    DROP TRIGGER note_stale ON postmortems_actionitem;
    DROP TRIGGER note_stale ON postmortems_why;
    DROP TRIGGER note_stale ON postmortems_section;
    DROP FUNCTION postmortems_note_stale();
"""


class Migration(migrations.Migration):
    dependencies = [("postmortems", "0012_search_the_library"), ("incidents", "0005_search")]
    operations = [migrations.RunSQL(NOTE, FORGET)]
