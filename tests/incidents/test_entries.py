"""The timeline as people use it: put right, with evidence, inserted, searched, from either end, taken away."""

import base64
import csv
from datetime import timedelta
from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, transaction
from django.utils import timezone

from incidents import deciding, lifecycle, roles, storytelling, timeline
from incidents.models import Attachment, Decision, MitigationAction, Notice, Role, TimelineEntry
from tests.api_caller import Caller, responder
from tests.factories import AdministratorFactory, TeamFactory, UserFactory
from tests.incidents.test_pages import declare, page, words

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def say(incident, text, by, kind="note", **more):
    return timeline.add(incident, kind=kind, text=text, by=by, at=timezone.now(), **more)


def fetch(client, incident, file):
    answer = client.get(f"/incidents/{incident.number}/evidence/{file.pk}/")
    answer.body = b"".join(answer.streaming_content)  # which closes the file
    return answer


def post(client, incident, **said):
    return client.post(f"/incidents/{incident.number}/entries/", {"kind": "note", **said})


def correct(client, incident, entry, **said):
    return client.post(f"/incidents/{incident.number}/entries/{entry.seq}/", said, headers={"HX-Request": "true"})


def test_i26_what_is_put_right_sorts_at_its_new_time_and_the_old_value_stays_in_its_history(client, ada):
    incident = declare(minutes_ago=60)
    happened = (timezone.now() - timedelta(minutes=35)).replace(second=0, microsecond=0)
    entry = say(incident, "the pool was full", ada, occurred_at=happened)
    storytelling.pin(incident, entry.seq, pinned=True, by=ada, at=timezone.now())
    assert f"added {timezone.now():%H:%M} UTC" in words(page(client, incident))
    earlier = happened - timedelta(minutes=10)
    client.force_login(UserFactory(name="Bo"))

    answer = correct(client, incident, entry, text="the pool was empty", occurred_at=f"{earlier:%Y-%m-%d %H:%M}")

    assert answer.status_code == 200
    new = TimelineEntry.objects.get(replaces=entry)
    assert (new.occurred_at, new.actor, new.corrected_by.name, new.pin.by) == (earlier, ada, "Bo", ada)
    shown = words(page(client, incident))
    assert "the pool was empty" in shown
    assert "the pool was full" not in shown
    assert ", Bo</a>" in shown
    history = words(client.get(f"/incidents/{incident.number}/entries/{new.seq}/"))
    assert "the pool was full" in history
    assert f"{happened:%H:%M} UTC" in history
    log = list(csv.DictReader(StringIO("".join(storytelling.as_csv(incident)))))
    assert {row["text"]: (row["corrects"], row["corrected_by"]) for row in log if row["kind"] == "note"} == {
        "the pool was full": ("", ""),
        "the pool was empty": (str(entry.seq), "Bo"),
    }
    assert "full" not in storytelling.as_markdown(incident)


def test_two_who_put_the_same_entry_right_the_second_is_told_and_the_database_keeps_both_texts(client, ada):
    incident = declare()
    entry = say(incident, "first", ada)
    timeline.correct(incident, entry.seq, text="second", by=UserFactory(name="Bo"), at=timezone.now())

    answer = correct(client, incident, entry, text="third")

    assert answer.status_code == 422
    assert "Bo has corrected it meanwhile: second" in words(answer)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        TimelineEntry.objects.filter(pk=entry.pk).update(text="changed in secret")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"text": ""}, "Write what you saw"),
        ({"text": "as it was"}, "Nothing is different yet."),
        ({"text": "x", "occurred_at": "2150-01-01 10:00"}, "This time lies in the future"),
        ({"text": "x" * 1_000_000}, "20000 fit"),
    ],
)
def test_a_correction_that_cannot_be_right_is_refused_in_words(client, ada, said, why):
    incident = declare()
    entry = say(incident, "as it was", ada)

    answer = correct(client, incident, entry, **said)

    assert answer.status_code == 422
    assert why in words(answer)
    assert not TimelineEntry.objects.filter(replaces=entry).exists()


def test_an_entry_that_tells_of_a_deed_is_not_corrected_and_a_viewer_corrects_nothing(client, ada):
    incident = declare()
    declared = incident.timeline.get(kind="declared")

    assert "tells of a deed" in words(client.get(f"/incidents/{incident.number}/entries/{declared.seq}/"))
    assert correct(client, incident, declared, text="never").status_code == 422
    note = say(incident, "mine", ada)
    client.force_login(UserFactory(access="viewer"))
    assert correct(client, incident, note, text="never").status_code == 403
    assert "Put it right" not in words(client.get(f"/incidents/{incident.number}/entries/{note.seq}/"))


def test_a_pasted_picture_is_shown_and_a_log_is_taken_away(client, ada):
    incident = declare()
    files = [SimpleUploadedFile("graph.png", PNG, "text/html"), SimpleUploadedFile("../web.log", b"GET / 500\n")]

    post(client, incident, text="", evidence=files)

    picture, log = Attachment.objects.order_by("pk")
    shown = words(page(client, incident))
    assert f'<img src="/incidents/{incident.number}/evidence/{picture.pk}/" alt="graph.png"' in shown
    assert "web.log" in shown
    answer = fetch(client, incident, picture)
    assert answer.body == PNG
    assert answer["Content-Type"] == "image/png"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    taken = fetch(client, incident, log)
    assert taken["Content-Disposition"] == 'attachment; filename="web.log"'
    assert taken["Content-Type"] == "text/plain"
    assert "graph" not in picture.file.name
    assert "graph.png, web.log" in storytelling.as_markdown(incident)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([("tool.exe", b"MZ\x90\x00\x03")], "tool.exe is of a kind that is not taken"),
        ([("page.png", b"\x00\x01\x02\x03")], "page.png is of a kind that is not taken"),
        ([("empty.txt", b"")], "empty.txt is empty"),
        ([("big.log", b"x" * (10 * 1024 * 1024 + 1))], "10 MB fit"),
        ([(f"{number}.txt", b"x") for number in range(9)], "8 fit one entry"),
    ],
)
def test_a_file_of_the_wrong_kind_or_size_is_refused_in_words_and_the_text_stays(client, ada, files, why):
    incident = declare()
    given = [SimpleUploadedFile(name, content, "image/png") for name, content in files]

    answer = post(client, incident, text="look at this", evidence=given)

    assert answer.status_code == 422
    assert why in words(answer)
    assert "look at this" in words(answer)
    assert not Attachment.objects.exists()
    assert not incident.timeline.filter(kind="note").exists()


def test_what_claims_to_be_a_page_is_text_and_never_shown_in_the_site(client, ada):
    incident = declare()

    post(client, incident, text="x", evidence=[SimpleUploadedFile("x.svg", b"<svg onload=alert(1)>", "image/svg+xml")])

    answer = fetch(client, incident, Attachment.objects.get())
    assert answer["Content-Type"] == "text/plain"
    assert answer["Content-Disposition"].startswith("attachment")


def test_the_evidence_of_a_private_incident_does_not_exist_for_others(client, ada):
    incident = declare(private=True, by=ada)
    post(client, incident, text="x", evidence=[SimpleUploadedFile("x.png", PNG)])
    file, entry = Attachment.objects.get(), incident.timeline.get(kind="note")
    other, stranger = declare(), UserFactory()
    client.force_login(stranger)

    assert client.get(f"/incidents/{incident.number}/evidence/{file.pk}/").status_code == 404
    assert client.get(f"/incidents/{other.number}/evidence/{file.pk}/").status_code == 404
    assert client.get(f"/incidents/{incident.number}/entries/{entry.seq}/").status_code == 404
    assert client.post(f"/incidents/{incident.number}/entries/{entry.seq}/pin/").status_code == 404
    assert Caller(stranger).get(f"incidents/{incident.number}/evidence/{file.pk}").status_code == 404
    client.force_login(AdministratorFactory())
    assert fetch(client, incident, file).status_code == 200


def test_an_entry_inserted_after_another_stands_right_after_it(client, ada):
    incident = declare(minutes_ago=60)
    half_an_hour_ago = (timezone.now() - timedelta(minutes=30)).replace(microsecond=123_000)
    first = say(incident, "first", ada, occurred_at=half_an_hour_ago)
    say(incident, "third", ada, occurred_at=timezone.now() - timedelta(minutes=29))
    href = words(page(client, incident)).split(f'"Entry {first.seq}: look')[1].split('href="')[1].split('"')[0]
    moment = href.split("?at=")[1].split("#")[0]
    assert moment in words(client.get(href))

    post(client, incident, text="second", occurred_at=moment)

    told = list(incident.timeline.filter(kind="note").order_by("occurred_at", "seq").values_list("text", flat=True))
    assert told == ["first", "second", "third"]


def test_words_are_found_within_one_timeline_and_what_is_hidden_is_said(client, ada):
    incident = declare(by=ada)
    for text in ("the pool is full", "lunch", "pool drained"):
        say(incident, text, ada)
    before = incident.timeline.count()

    answer = words(page(client, incident, words="POOL"))

    assert "pool drained" in answer
    assert "lunch" not in answer.split('id="tl"')[1].split("</ol>")[0]
    assert f"{before - 2} other entries are hidden by the search" in answer
    assert "No entry shown here holds “zebra”." in words(page(client, incident, words="zebra\0"))
    assert "pool" in words(page(client, incident, words="pool", show="findings"))


def test_the_story_alone_is_a_filter(client, ada):
    incident = declare(by=ada)
    pinned = say(incident, "it began here", ada)
    say(incident, "lunch is here", ada)
    client.post(f"/incidents/{incident.number}/entries/{pinned.seq}/pin/")

    answer = words(client.get(f"/incidents/{incident.number}/timeline/", {"show": "story"}))

    assert "it began here" in answer
    assert "lunch" not in answer
    client.post(f"/incidents/{incident.number}/entries/{pinned.seq}/pin/", {"undo": "1"})
    assert "No entry of this kind yet." in words(client.get(f"/incidents/{incident.number}/timeline/?show=story"))


def test_newest_first_while_it_is_open_and_oldest_first_after(client, ada):
    incident = declare(by=ada)
    say(incident, "only note", ada)

    def order():
        told = words(page(client, incident))
        return told.index("only note") < told.index("<b>Detected</b>")

    assert order()
    lifecycle.resolve(incident, by=ada, at=timezone.now())
    assert not order()
    assert "Newest first" in words(page(client, incident, order="new"))


def test_the_later_entries_of_a_resolved_incident_are_one_link_away_without_a_second_line_for_the_day(client, ada):
    incident = declare(by=ada, minutes_ago=0)
    for number in range(120):
        say(incident, f"note {number}.", ada)
    first = words(page(client, incident, order="old"))
    assert "note 0." in first
    assert "note 119." not in first

    later = words(page(client, incident, order="old", beyond=incident.timeline.get(text="note 60.").seq))

    assert "note 119." in later
    assert "note 60." not in later
    assert 'class="day"' not in later


def test_i27_each_day_has_its_line_and_every_time_its_zone(client, ada):
    team = TeamFactory(time_zone="Asia/Tokyo")
    incident = declare(by=ada, minutes_ago=3 * 24 * 60)
    incident.service.team = team
    incident.service.save()
    for days in range(3):
        say(incident, f"day {days}", ada, occurred_at=timezone.now() - timedelta(days=days))

    answer = words(page(client, incident))

    listed = answer.split('id="tl"')[1].split("</ol>")[0]
    assert listed.count('class="day"') in {3, 4}
    assert listed.count("UTC</small></time>") + listed.count("UTC</time>") == listed.count("data-local")
    assert 'data-zone="Asia/Tokyo"' in answer
    note = incident.timeline.filter(text="day 0").get()
    look = words(client.get(f"/incidents/{incident.number}/entries/{note.seq}/"))
    assert "Tokyo" in look
    assert "(you)" in look


def test_an_entry_that_is_sent_twice_under_one_key_is_written_once(client, ada):
    incident = declare()

    for _ in range(2):
        assert post(client, incident, text="written offline", key="4711").status_code == 302

    assert incident.timeline.filter(text="written offline").count() == 1


def test_who_is_mentioned_is_told_unless_they_may_not_see_it(client, ada):
    lee, bo = UserFactory(name="Lee Park", email="lee@example.com"), UserFactory(name="Bo Ek")
    UserFactory(name="Sam One"), UserFactory(name="Sam Two")

    post(client, declare(), text="@lee look, @Bo too; @sam @nobody mail me@lee.org")

    assert set(Notice.objects.filter(dedupe_key__startswith="mention").values_list("person", flat=True)) == {
        lee.pk,
        bo.pk,
    }
    Notice.objects.all().delete()
    post(client, declare(private=True, by=ada), text="@lee look")
    assert not Notice.objects.filter(dedupe_key__startswith="mention").exists()


@pytest.mark.parametrize(
    ("text", "form", "shown"),
    [
        ("/task @lee check the pool 10m", "tasks/", ['value="check the pool"', 'value="10"', "selected>Lee Park"]),
        ("/sev p1 because all cards fail", "severity/", ['value="1" required checked', "all cards fail</textarea>"]),
        ("/decision roll back", "decision/", ["roll back</textarea>"]),
        ("/action fail over", "actions/", ['value="fail over"']),
        ("/update half of users", "update/", ["half of users</textarea>"]),
    ],
)
def test_a_command_in_the_composer_opens_its_form_filled(client, ada, text, form, shown):
    UserFactory(name="Lee Park", email="lee@example.com")
    incident = declare(2)

    answer = post(client, incident, text=text)

    assert answer.url.startswith(f"/incidents/{incident.number}/{form}?")
    asked = words(client.get(answer.url))
    assert [one for one in shown if one not in asked] == []
    live = client.post(
        f"/incidents/{incident.number}/entries/", {"kind": "note", "text": text}, headers={"HX-Request": "true"}
    )
    assert live.status_code == 204
    assert "open-ask" in live["HX-Trigger"]
    assert not incident.timeline.filter(kind="note").exists()


def test_a_path_is_no_command(client, ada):
    incident = declare()

    post(client, incident, text="/var/log is full")

    assert incident.timeline.get(kind="note").text == "/var/log is full"


def test_r60_a_decision_or_action_written_through_the_api_is_done_or_refused():
    caller = responder()
    incident = declare(by=caller.person)
    path = f"incidents/{incident.number}/timeline"

    assert caller.post(path, kind="decision", text="roll back").status_code == 201
    assert caller.post(path, kind="action", text="build 41").status_code == 201

    assert Decision.objects.get().decided_by == caller.person
    assert MitigationAction.objects.get().owner == caller.person
    commander = UserFactory(name="Amira")
    roles.join(incident, Role.COMMANDER, by=commander, at=timezone.now())
    refused = caller.post(path, kind="decision", text="never mind")
    assert refused.status_code == 403
    assert "Amira commands and decides" in refused.json()["detail"]
    assert len(deciding.of(incident)) == 1


def test_the_api_corrects_tells_the_history_and_carries_evidence():
    caller = responder()
    incident = declare(by=caller.person)
    path = f"incidents/{incident.number}/timeline"
    given = [{"name": "graph.png", "content": base64.b64encode(PNG).decode()}]

    entry = caller.post(path, text="wrong", files=given).json()
    new = caller.patch(f"{path}/{entry['seq']}", text="right").json()

    assert (new["replaces"], new["corrected_by"], new["text"]) == (entry["seq"], caller.person.email, "right")
    assert [row["text"] for row in caller.get_all(path) if row["kind"] == "note"] == ["right"]
    told = caller.get(f"{path}/{new['seq']}/history").json()["items"]
    assert [row["text"] for row in told] == ["right", "wrong"]
    file = caller.get(f"incidents/{incident.number}/evidence/{new['files'][0]['id']}").json()
    assert base64.b64decode(file["content"]) == PNG
    assert caller.patch(f"{path}/{entry['seq']}", text="late").status_code == 409
    bad = caller.post(path, text="x", files=[{"name": "x", "content": "?"}])
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["field"] == "files.0.content"
