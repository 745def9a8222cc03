"""The story so far: what is pinned, who may, and the timeline as a file that can be read back."""

import csv
from io import StringIO

import pytest
from django.utils import timezone

from incidents import lifecycle, timeline
from incidents.models import Access, Incident, Pin
from tests.factories import UserFactory
from tests.incidents.api.test_incidents import responder
from tests.incidents.test_listing import declare
from tests.incidents.test_pages import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada", access=Access.RESPONDER)
    client.force_login(ada)
    return ada


def say(incident, text, by, kind="note"):
    return timeline.add(incident, kind=kind, text=text, by=by, at=timezone.now())


def test_what_is_ticked_stands_above_the_timeline_and_the_rest_does_not(client, ada):
    incident = declare(title="Cards fail")
    first, second = say(incident, "the pool was full", ada, "finding"), say(incident, "lunch is here", ada)

    answer = client.post(f"/incidents/{incident.number}/story/", {"seq": [first.seq, 999, "zebra"]}, follow=True)

    assert "1 entry tells the story." in words(answer)
    told = words(client.get(f"/incidents/{incident.number}/told/"))
    assert "the pool was full" in told
    assert "lunch" not in told
    assert client.get(f"/incidents/{declare().number}/told/").content == b""
    client.post(f"/incidents/{incident.number}/story/", {"seq": [second.seq]})
    assert [pin.entry_id for pin in Pin.objects.all()] == [second.pk]


def test_a_viewer_reads_the_story_and_may_not_choose(client):
    client.force_login(UserFactory(access=Access.VIEWER))
    incident = declare()

    assert "Save the story" not in words(client.get(f"/incidents/{incident.number}/story/"))
    assert client.post(f"/incidents/{incident.number}/story/", {"seq": [1]}).status_code == 403
    assert not Pin.objects.exists()


def test_entries_of_another_incident_are_no_part_of_the_story(client, ada):
    one, other = declare(), declare()
    strange = say(other, "elsewhere", ada)
    other.refresh_from_db()

    client.post(f"/incidents/{one.number}/story/", {"seq": [strange.seq + 50]})

    assert not Pin.objects.exists()


def test_the_timeline_goes_out_as_csv_that_no_spreadsheet_runs(client, ada):
    incident = declare(title="Cards fail")
    entry = say(incident, "=HYPERLINK(1)\nsecond, “line”", ada)
    client.post(f"/incidents/{incident.number}/story/", {"seq": [entry.seq]})

    answer = client.get(f"/incidents/{incident.number}/timeline.csv")

    assert answer["Content-Disposition"] == f'attachment; filename="{incident.ref}-timeline.csv"'
    rows = list(csv.DictReader(StringIO(b"".join(answer).decode())))
    incident = Incident.objects.get(pk=incident.pk)
    assert sorted(int(row["number"]) for row in rows) == list(range(1, incident.timeline_seq + 1))
    assert (rows[-1]["text"], rows[-1]["person"], rows[-1]["in_the_story"]) == (
        "'=HYPERLINK(1)\nsecond, “line”",
        "Ada",
        "yes",
    )


def test_the_timeline_goes_out_as_markdown_whole_or_as_the_story(client, ada):
    incident = declare(title="Cards fail")
    first = say(incident, "the pool\nwas full", ada, "finding")
    say(incident, "lunch is here", ada)
    client.post(f"/incidents/{incident.number}/story/", {"seq": [first.seq]})

    whole = client.get(f"/incidents/{incident.number}/timeline.md").content.decode()
    told = client.get(f"/incidents/{incident.number}/timeline.md?story").content.decode()

    assert whole.startswith(f"# {incident.ref} Cards fail\n")
    assert "Finding Ada: the pool was full\n" in whole
    assert "lunch is here" in whole
    assert "the pool was full" in told
    assert "lunch" not in told


def test_a_private_incident_gives_no_file_to_others(client, ada):
    hidden = declare(private=True)

    for path in ("story/", "told/", "timeline.csv", "timeline.md"):
        assert client.get(f"/incidents/{hidden.number}/{path}").status_code == 404


def test_an_entry_is_pinned_through_the_api():
    caller = responder()
    incident = declare()
    lifecycle.acknowledge(incident, by=UserFactory(), at=timezone.now())

    answer = caller.put(f"incidents/{incident.number}/timeline/1/pin", pinned=True)

    assert (answer.status_code, answer.json()["pinned"]) == (200, True)
    rows = caller.get(f"incidents/{incident.number}/timeline").json()["items"]
    assert [row["seq"] for row in rows if row["pinned"]] == [1]
    assert caller.put(f"incidents/{incident.number}/timeline/1/pin", pinned=False).json()["pinned"] is False
    assert caller.put(f"incidents/{incident.number}/timeline/99/pin", pinned=True).status_code == 404
