"""Merge, take out again, split, relate: through the pages and the API."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import lifecycle
from incidents.models import Alert, Clock, Impact, Incident, Participant
from oncall.models import Escalation
from tests.api_caller import Caller, responder
from tests.factories import IntegrationFactory, ServiceFactory, UserFactory
from tests.incidents.test_pages import declare, page, words

pytestmark = pytest.mark.django_db


def alert(incident, key="disk", **fields):
    integration = IntegrationFactory(service=incident.service)
    now = timezone.now()
    return Alert.objects.create(
        integration=integration,
        service=incident.service,
        incident=incident,
        dedup_key=key,
        group_key=key,
        summary=key,
        first_received_at=now,
        last_received_at=now,
        **fields,
    )


def send(client, incident, deed, **said):
    version = Incident.objects.get(pk=incident.pk).version
    return client.post(f"/incidents/{incident.number}/{deed}/", {"version": version, **said})


def test_a_merged_incident_leads_to_the_one_that_goes_on_and_takes_its_alerts_along(client, ada):
    lee = UserFactory(name="Lee")
    part, whole = declare(0, title="Login fails", by=lee), declare(2, title="Cards fail")
    firing = alert(part)

    answer = send(client, part, "merge", into=whole.ref.lower(), reason="same database")

    assert answer.url == whole.get_absolute_url()
    part.refresh_from_db()
    firing.refresh_from_db()
    assert (part.status, part.merged_into, firing.incident) == ("merged", whole, whole)
    assert client.get(part.get_absolute_url()).url == whole.get_absolute_url()
    assert f"{part.ref} was merged into this incident." in words(client.get(part.get_absolute_url(), follow=True))
    assert "Take it out again…" in words(page(client, part, stay=1))
    assert not Clock.objects.filter(incident=part, state="running").exists()
    assert not Impact.objects.filter(incident=part, ended_at=None).exists()
    assert set(Escalation.objects.filter(incident=part).values_list("state", flat=True)) <= {"ended"}
    assert Participant.objects.filter(incident=whole, user=lee).exists()
    shown = words(page(client, whole))
    assert "P0 Critical is proposed:" in shown
    assert f"{part.ref} “Login fails” is part of this: same database" in shown
    assert "merged into this" in words(client.get(f"/incidents/{whole.number}/related/"))
    assert part.ref not in words(client.get("/"))


def test_an_incident_is_taken_out_again_with_its_alerts_and_a_contract_of_its_own(client, ada):
    part, whole = declare(1, title="Login fails"), declare(1, title="Cards fail")
    firing, other = alert(part), alert(whole, "cpu")
    send(client, part, "merge", into=whole.number, reason="same")
    assert "Take it out of there again." in words(send(client, part, "reopen", reason="mistake"))

    send(client, part, "unmerge", reason="another cause")

    part.refresh_from_db()
    firing.refresh_from_db()
    other.refresh_from_db()
    assert (part.status, part.merged_into, firing.incident, other.incident) == ("open", None, part, whole)
    assert part.impacts.filter(ended_at=None).count() == 1
    assert Clock.objects.filter(incident=part, state="running").exists()
    assert Escalation.objects.filter(incident=part).exclude(state="ended").exists()
    assert page(client, part).status_code == 200
    assert f"{part.ref} is an incident of its own again: another cause" in words(page(client, whole))


@pytest.mark.parametrize(
    ("into", "why"),
    [
        ("self", "cannot be merged into itself"),
        ("closed", "is declined. Choose an incident that is open or resolved."),
        ("private", "There is no incident of this number that you may see."),
        ("mine", "One of the two is private"),
        ("drill", "A drill and a real incident stay apart."),
        ("zebra", "Write the number of the incident, such as INC-7."),
        ("99999999", "There is no incident of this number that you may see."),
    ],
)
def test_a_merge_that_makes_no_sense_is_refused_in_words(client, ada, into, why):
    incident = declare()
    others = {
        "self": incident,
        "closed": lifecycle.decline(declare(), reason="a test", by=ada, at=timezone.now()),
        "private": declare(private=True, by=UserFactory()),
        "mine": declare(private=True, by=ada),
        "drill": declare(kind="drill"),
    }

    answer = send(client, incident, "merge", into=others[into].number if into in others else into, reason="same")

    assert answer.status_code == 422
    assert why in words(answer)
    incident.refresh_from_db()
    assert incident.status == "open"


def test_two_that_are_merged_crosswise_never_make_a_circle(client, ada):
    one, other = declare(), declare()
    send(client, one, "merge", into=other.number, reason="same")

    assert "is merged. Choose" in words(send(client, other, "merge", into=one.number, reason="same"))


def test_who_saw_an_older_version_merges_nothing(client, ada):
    one, other = declare(), declare()

    answer = client.post(
        f"/incidents/{one.number}/merge/", {"into": other.number, "reason": "same", "version": one.version - 1}
    )

    assert answer.status_code == 422
    assert f'value="{one.version}"' in words(answer)
    assert "same</textarea>" in words(answer)


def test_the_likely_ones_are_named_while_merging(client, ada):
    one, other = declare(title="Cards fail in Spain"), declare(title="Cards fail")
    hidden = declare(title="Cards fail", private=True, by=UserFactory())

    asked = words(client.get(f"/incidents/{one.number}/merge/"))

    assert f"{other.ref} Cards fail" in asked
    assert hidden.ref not in asked


def test_a_second_incident_is_split_off_with_its_alerts(client, ada):
    incident = declare(0, title="Everything fails", private=True, by=ada)
    stays, goes = alert(incident, "disk"), alert(incident, "cpu")
    Alert.objects.filter(pk=goes.pk).update(first_received_at=timezone.now() - timedelta(minutes=7))
    lee = UserFactory()
    incident.participants.create(user=lee, why="added", since=timezone.now())
    service = ServiceFactory()

    said = {"title": "Search fails", "service": service.pk, "severity": 2, "reason": "another cause"}
    answer = send(client, incident, "split", alerts=[goes.pk], **said)

    part = Incident.objects.latest("pk")
    assert answer.url == part.get_absolute_url()
    stays.refresh_from_db()
    goes.refresh_from_db()
    assert (stays.incident, goes.incident) == (incident, part)
    assert (part.title, part.service, part.severity_id, part.private) == ("Search fails", service, 2, True)
    assert timezone.now() - part.detected_at > timedelta(minutes=6)
    client.force_login(lee)
    assert part.ref in words(client.get(f"/incidents/{incident.number}/related/"))


def test_related_incidents_are_named_on_both_and_a_private_one_only_to_those_who_may_see_it(client, ada):
    one, other, secret = declare(title="Cards"), declare(title="Search"), declare(title="Leak", private=True, by=ada)
    client.post(f"/incidents/{one.number}/related/add/", {"other": other.number})
    client.post(f"/incidents/{one.number}/related/add/", {"other": secret.number})

    assert "Leak" in words(client.get(f"/incidents/{one.number}/related/"))
    assert one.ref in words(client.get(f"/incidents/{other.number}/related/"))
    assert secret.ref not in "".join(one.timeline.values_list("text", flat=True))
    client.force_login(UserFactory())
    mine = words(client.get(f"/incidents/{one.number}/related/"))
    assert "Search" in mine
    assert "Leak" not in mine
    client.post(f"/incidents/{one.number}/related/{other.number}/remove/")
    assert "Search" not in words(client.get(f"/incidents/{one.number}/related/"))
    assert client.post(f"/incidents/{one.number}/related/{secret.number}/remove/").status_code == 404


def test_the_api_merges_splits_and_relates():
    caller = responder()
    one, other = declare(by=caller.person), declare(by=caller.person)

    merged = caller.post(f"incidents/{one.number}/merge", into=other.number, reason="same").json()
    assert (merged["status"], merged["merged_into"]) == ("merged", other.number)
    assert [row["number"] for row in caller.get(f"incidents/{other.number}/related").json()["items"]] == [one.number]
    assert caller.post(f"incidents/{one.number}/merge", into=other.number, reason="same").status_code == 409
    assert caller.post(f"incidents/{one.number}/unmerge", reason="no").json()["status"] == "open"
    assert caller.post(f"incidents/{one.number}/unmerge", reason="no").status_code == 409
    said = {"title": "Search", "service": one.service.slug, "severity": "P3", "reason": "two"}
    part = caller.post(f"incidents/{one.number}/split", **said).json()
    assert part["title"] == "Search"
    gone = caller.send("DELETE", f"incidents/{one.number}/related/{part['number']}")
    assert gone.json()["items"] == []
    assert len(caller.put(f"incidents/{one.number}/related/{other.number}").json()["items"]) == 1
    secret = declare(private=True, by=UserFactory())
    refused = caller.post(f"incidents/{one.number}/merge", into=secret.number, reason="same")
    assert refused.json()["errors"][0]["field"] == "into"
    assert caller.put(f"incidents/{one.number}/related/{secret.number}").status_code == 404
    assert (
        Caller(UserFactory(access="viewer")).post(f"incidents/{one.number}/merge", into=1, reason="x").status_code
        == 403
    )


def test_i34_a_reopened_incident_has_a_second_impact_and_is_in_mitigate(client, ada):
    incident = declare(minutes_ago=180)
    lifecycle.resolve(incident, by=ada, at=timezone.now() - timedelta(minutes=150))

    send(client, incident, "reopen", reason="it is back")

    incident.refresh_from_db()
    assert (incident.status, incident.phase) == ("open", "mitigate")
    first, second = incident.impacts.order_by("started_at")
    assert first.ended_at is not None
    assert second.started_at - first.ended_at > timedelta(hours=2)
    assert second.ended_at is None
