"""Checklists of the phases and runbooks of the services: ticked by whom and when, on the timeline."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import checking, due, lifecycle, runbooks
from incidents.models import ChecklistItem, ChecklistTick, Runbook, RunbookTick, Severity
from incidents.states import Phase
from oncall import sending
from oncall.models import SandboxMessage
from tests.api_caller import Caller, administrator
from tests.factories import MembershipFactory, ServiceFactory, UserFactory
from tests.oncall.conftest import make_chain

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
TEXT = "# Ledger\n\nKeep calm. <script>alert(1)</script>\n\n- [ ] Look at `writes`\n- [ ] Switch them off\n- no step\n"


@pytest.fixture
def ada(client):
    ada = UserFactory(name="Ada")
    client.force_login(ada)
    return ada


def declare(level=1, *, minutes_ago=1, service=None, **said):
    said = {"title": "Payments fail", "severity": Severity.objects.get(level=level)} | said
    declaration = lifecycle.Declaration(service=service or ServiceFactory(), **said)
    return lifecycle.declare(declaration, by=None, at=timezone.now() - timedelta(minutes=minutes_ago))


def words(answer):
    return " ".join(answer.content.decode().split())


def doing(client, incident):
    return words(client.get(f"/incidents/{incident.number}/doing/", headers=HTMX))


def item_of(text):
    return ChecklistItem.objects.get(text=text)


def test_r33_the_respond_phase_ships_with_its_checklist(client, ada):
    shown = doing(client, declare())

    wanted = (
        "Confirm that it is an incident",
        "Assess the severity",
        "Assemble the team",
        "Establish where people talk",
    )
    assert all(text in shown for text in wanted)
    assert {row.phase for row in ChecklistItem.objects.all()} == set(Phase.values)


def test_r33_each_tick_stands_on_the_timeline_with_who_and_when(client, ada):
    incident, item = declare(), item_of("Assess the severity")
    address = f"/incidents/{incident.number}/checklist/{item.pk}/"

    client.post(address)
    client.post(address)

    [entry] = incident.timeline.filter(kind="check")
    tick = ChecklistTick.objects.get()
    assert (entry.actor, entry.text, entry.occurred_at) == (ada, "Respond: Assess the severity.", tick.at)
    assert f"Ada, {tick.at:%H:%M} UTC" in doing(client, incident)
    client.post(address, {"undo": "1"})
    assert not ChecklistTick.objects.exists()
    assert incident.timeline.filter(text="Not done after all: Assess the severity").exists()


def test_r33_a_level_is_asked_for_what_it_needs(client, ada):
    assert "Assemble the team" not in doing(client, declare(3))
    assert "Assess the severity" in doing(client, declare(3))
    item = item_of("Assemble the team")

    refused = client.post(f"/incidents/{declare(3).number}/checklist/{item.pk}/", follow=True)

    assert "has no such line" in words(refused)
    assert not ChecklistTick.objects.exists()


def test_a_tick_refuses_nobody_who_has_a_form_open(client, ada):
    incident = declare()
    seen = {"severity": 2, "reason": "Fewer users than feared", "version": incident.version}
    client.post(f"/incidents/{incident.number}/checklist/{item_of('Assess the severity').pk}/")

    client.post(f"/incidents/{incident.number}/severity/", seen)

    incident.refresh_from_db()
    assert incident.severity_id == 2


def test_a_tick_outlives_a_lower_level_and_a_retired_line(client, ada):
    incident, item = declare(), item_of("Assemble the team")
    checking.tick(incident, item.pk, ticked=True, by=ada, at=timezone.now())
    ChecklistItem.objects.filter(pk=item.pk).update(is_active=False)

    assert "Assemble the team" in doing(client, incident)
    assert "Assemble the team" not in doing(client, declare())


def test_r31_a_phase_that_was_entered_late_is_marked_in_its_checklist(client, ada):
    incident = declare(0, minutes_ago=8)
    lifecycle.acknowledge(incident, by=ada, at=timezone.now())

    head = doing(client, incident).split("<b>Respond</b>")[1].split("</summary>")[0]

    assert "late" in head


def test_administrators_edit_the_checklist(client, ada):
    client.force_login(administrator().person)

    client.post(
        "/admin/incidents/checklistitem/add/",
        {"phase": "respond", "place": 5, "text": "Drink water", "hint": "", "asked_to": 4, "is_active": "on"},
    )

    assert "Drink water" in doing(client, declare())


def test_a_runbook_is_shown_with_its_steps_and_nothing_in_it_runs(client, ada):
    incident = declare()
    book = runbooks.write(service=incident.service, title="Ledger refuses writes", text=TEXT)

    card = doing(client, incident)
    shown = words(client.get(f"/incidents/{incident.number}/runbooks/{book.pk}/"))

    assert "Ledger refuses writes" in card
    assert "never gone through" in card
    assert "<script>alert" not in shown
    assert shown.count('aria-pressed="false"') == 2
    assert "<code>writes</code>" in shown


def test_the_headings_of_a_runbook_follow_those_of_the_page(client, ada):
    incident = declare()
    book = runbooks.write(service=incident.service, title="Ledger", text="## Look\n\n- [ ] Look\n\n### Closer\n\nThere")

    shown = words(client.get(f"/incidents/{incident.number}/runbooks/{book.pk}/"))

    assert "<h3>Look</h3>" in shown
    assert "<h4>Closer</h4>" in shown


def test_a_step_is_ticked_on_the_timeline_and_kept_when_the_runbook_changes(client, ada):
    incident = declare()
    book = runbooks.write(service=incident.service, title="Ledger", text=TEXT)
    address = f"/incidents/{incident.number}/runbooks/{book.pk}/steps/"

    fragment = client.post(address, {"step": "Switch them off"}, headers=HTMX)
    unknown = client.post(address, {"step": "Burn it down"}, follow=True)
    runbooks.write(service=incident.service, title="Ledger", text="- [ ] Another", runbook=book)

    assert 'aria-pressed="true"' in words(fragment)
    assert "This step is not there any more." in words(unknown)
    assert incident.timeline.get(kind="runbook").text == "Ledger: Switch them off"
    assert RunbookTick.objects.get().by == ada
    client.post(address, {"step": "Switch them off", "undo": "1"})
    assert not RunbookTick.objects.exists()


def test_runbooks_of_affected_services_are_offered_and_others_are_not(client, ada):
    own, affected, other = ServiceFactory(), ServiceFactory(), ServiceFactory()
    for service, title in ((own, "Own"), (affected, "Affected"), (other, "Other")):
        runbooks.write(service=service, title=f"{title} book", text="- [ ] Look")
    retired = runbooks.write(service=own, title="Old book", text="- [ ] Look", is_active=False)
    incident = declare(service=own, affected_services=(affected,))

    card = doing(client, incident)

    assert card.index("Own book") < card.index("Affected book")
    assert "Other book" not in card
    assert "Old book" not in card
    assert client.get(f"/incidents/{incident.number}/runbooks/{retired.pk}/").status_code == 404


def test_the_cards_cost_the_same_for_one_runbook_and_ten(client, ada, django_assert_max_num_queries):
    incident = declare()
    for number in range(10):
        book = runbooks.write(service=incident.service, title=f"Book {number}", text="- [ ] Look")
        runbooks.tick(incident, book.pk, "Look", ticked=True, by=ada, at=timezone.now())

    with django_assert_max_num_queries(12):
        assert "Book 9" in doing(client, incident)


def test_the_message_of_a_page_links_the_runbook_of_the_service(settings):
    settings.SANDBOX = True
    chain = make_chain()
    book = runbooks.write(service=chain.service, title="Ledger refuses writes", text=TEXT)
    incident = chain.declare(1, at=timezone.now() - timedelta(seconds=5))
    due.settle(due.database_now())

    sending.send_due("email", at=due.database_now())
    text = SandboxMessage.objects.get(delivery__page__incident=incident, channel="email", person=chain.ada).text

    assert "Runbook Ledger refuses writes: http" in text
    assert f"/incidents/{incident.number}/runbooks/{book.pk}/" in text


def test_a_private_incident_shows_its_checklist_to_nobody_else(client, ada):
    incident = declare(private=True)
    item = item_of("Assess the severity")

    assert client.get(f"/incidents/{incident.number}/doing/").status_code == 404
    assert client.post(f"/incidents/{incident.number}/checklist/{item.pk}/").status_code == 404
    assert Caller(ada).get(f"incidents/{incident.number}/checklist").status_code == 404


def test_the_api_writes_runbooks_for_managers_and_ticks_for_responders(ada):
    service = ServiceFactory(slug="ledger")
    manager = Caller(MembershipFactory(team=service.team, is_manager=True).user)
    said = {"service": "ledger", "title": "Ledger", "text": TEXT}

    refused = Caller(ada).post("runbooks", **said)
    made = manager.post("runbooks", **said)
    twice = manager.post("runbooks", **said)
    number = made.json()["id"]
    incident = declare(service=service)
    where = f"incidents/{incident.number}"
    ticked = Caller(ada).put(f"{where}/runbooks/{number}/steps", step="Switch them off", ticked=True)
    item = Caller(ada).put(f"{where}/checklist/{item_of('Assess the severity').pk}", ticked=True)
    changed = manager.put(f"runbooks/{number}", **said | {"active": False, "checked_on": "2026-11-01"})

    assert (refused.status_code, made.status_code, twice.status_code) == (403, 201, 422)
    assert made.json()["steps"] == ["Look at `writes`", "Switch them off"]
    assert [step["ticked_by"] for step in ticked.json()["steps"]] == [None, ada.email]
    assert item.json()["ticked_by"] == ada.email
    assert (changed.json()["active"], Runbook.objects.get().is_active) == (False, False)
