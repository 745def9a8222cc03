"""What the editor may cost at most: 20 queries with 200 whys and 50 actions, comments and causes that came back."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from postmortems import actions, commenting, whys
from postmortems.actions import Plan
from postmortems.models import Why, WhyLink
from postmortems.whys import Said

ROOT = Said("Nobody reviews SQL", is_root_cause=True, category="process", enough_because="Ours.")


def test_the_editor_asks_twenty_times_at_most_with_200_whys_and_50_actions(story, begin, browser, writer):
    at = story.minute(60)
    again = begin(title="Before")
    again.resolve()
    whys.ask(again.document, ROOT, by=writer, at=at)
    root = whys.ask(story.document, ROOT, by=writer, at=at)
    symptom = story.document.whys.get(kind="symptom")
    words = {"postmortem": story.document, "created_at": at, "edited_at": at, "created_by": writer}
    rows = Why.objects.bulk_create([Why(answer=f"Answer {number}", **words) for number in range(198)])
    WhyLink.objects.bulk_create([WhyLink(child=row, parent=symptom) for row in rows])
    for number in range(50):
        actions.add(story.incident, Plan(f"Do {number}", writer, root_causes=(root.pk,)), by=writer, at=at)
    commenting.begin(story.incident, root, text="So?", by=writer, at=at)

    with CaptureQueriesContext(connection) as asked:
        page = browser.get(f"/postmortems/{story.incident.number}/")

    assert page.status_code == 200
    assert page.context["returns"]
    assert len(page.context["actions"]) == 50
    assert len(asked) <= 20
