"""Every page of the product in real Chromium, over the demo organisation: light and dark, desk and phone."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import sync_playwright

from config.demo import DEMO_PASSWORD
from incidents import deciding, maintenance, remedies, routing, runbooks, silencing
from incidents.models import Incident, Integration, RawEvent, User
from oncall import messages
from oncall.models import Page, Schedule
from postmortems.models import ActionItem, Why
from tests.journeys.test_page_to_postmortem import FLAGS
from tests.live import running_server

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LOOKS = [
    {"color_scheme": theme, "viewport": {"width": width, "height": height}}
    for theme in ("light", "dark")
    for width, height in ((1440, 900), (390, 844))
]
NOWHERE = "/nowhere/"
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


def addresses():
    """Each kind of page once, with rows that show something."""
    hot = Incident.objects.open().by_urgency().first()
    ended = Incident.objects.filter(status="resolved", severity_id=0).first()
    waiting = Page.objects.filter(act="page", ended_at=None).select_related("person").first()
    schedule = Schedule.objects.order_by("pk").first()
    item = ActionItem.objects.order_by("pk").last()
    root = Why.objects.filter(postmortem__incident=ended, is_root_cause=True).first()
    ada, now = hot.held_by, timezone.now()
    asked = deciding.ask(hot, "Fail over to the standby", by=ada, at=now)
    deciding.object_to(hot, asked.pk, "The standby lags by minutes.", by=ada, at=now)
    tried = remedies.start(hot, remedy="failover", text="Ledger to the standby", owner=ada, by=ada, at=now)
    book = runbooks.write(service=hot.service, title="Ledger", text="First:\n\n- [ ] look\n- [ ] switch `writes` off")
    runbooks.tick(hot, book.pk, "look", ticked=True, by=ada, at=now)
    admin, end = User.objects.get(email="admin@example.com"), now + timedelta(hours=1)
    window = maintenance.plan(title="Upgrade", services=[hot.service], start=now, end=end, by=admin, at=now)
    silence = silencing.silence(
        service=hot.service, conditions_text="host ~ web-*", reason="x", end=end, by=admin, at=now
    )
    event = RawEvent.objects.filter(integration__kind="alertmanager").select_related("integration").last()
    wanted = routing.Wanted("Databases", conditions="alertname ~ Pool*\nteam != web", service=hot.service)
    route = routing.save(event.integration, wanted, by=admin, at=now)
    job = Integration.objects.create(service=hot.service, kind="heartbeat", name="Nightly backup")
    return [
        "/",
        "/incidents/",
        "/incidents/?q=nothing-fits",
        "/incidents/?q=rollback&severity=0&who=me&order=urgent",
        "/incidents/?who=me",
        "/incidents/declare/",
        f"/incidents/{hot.number}/",
        f"/incidents/{ended.number}/",
        f"/incidents/{ended.number}/story/",
        f"/incidents/{hot.number}/entries/{hot.timeline_seq}/",
        f"/incidents/{hot.number}/?words=nothing-fits",
        f"/incidents/{hot.number}/merge/",
        f"/incidents/{hot.number}/watchers/",
        "/me/watching/",
        f"/incidents/{hot.number}/split/",
        f"/incidents/{hot.number}/related/",
        f"/incidents/{hot.number}/related/add/",
        f"/incidents/{hot.number}/mitigate/",
        f"/incidents/{hot.number}/severity/",
        f"/incidents/{hot.number}/impact/",
        f"/incidents/{hot.number}/command/",
        f"/incidents/{hot.number}/roles/commander/",
        f"/incidents/{hot.number}/assessment/",
        f"/incidents/{hot.number}/cadence/",
        f"/incidents/{hot.number}/update/",
        f"/incidents/{hot.number}/decision/",
        f"/incidents/{hot.number}/decisions/{asked.pk}/",
        f"/incidents/{hot.number}/doing/",
        f"/incidents/{hot.number}/runbooks/{book.pk}/",
        f"/incidents/{hot.number}/actions/",
        f"/incidents/{hot.number}/actions/{tried.pk}/",
        f"/incidents/{hot.number}/tasks/",
        f"/incidents/{hot.number}/tasks/{hot.tasks.get(done_at=None).pk}/",
        f"/incidents/{hot.number}/working-on/",
        f"/incidents/{hot.number}/muster/decline/",
        "/alerts/",
        "/alerts/?state=rejected",
        f"/alerts/{event.pk}/",
        "/alerts/routes/",
        f"/alerts/routes/{event.integration_id}/",
        f"/alerts/routes/{event.integration_id}/new/",
        f"/alerts/routes/{event.integration_id}/{route.pk}/",
        "/alerts/heartbeats/",
        f"/alerts/heartbeats/{job.pk}/",
        "/maintenance/",
        "/maintenance/new/",
        f"/maintenance/{window.pk}/",
        "/silences/new/",
        f"/silences/{silence.pk}/",
        "/me/",
        "/me/contact-methods/",
        "/me/reached/",
        "/on-call/",
        "/on-call/coverage/",
        "/on-call/fairness/",
        f"/on-call/schedules/{schedule.slug}/handoff/",
        "/me/shifts/",
        f"/on-call/schedules/{schedule.slug}/calendars/",
        "/me/calendar/",
        f"/on-call/schedules/{schedule.slug}/",
        "/engine/",
        f"/on-call/schedules/{schedule.slug}/?as=calendar",
        f"/on-call/schedules/{schedule.slug}/?as=list&span=month",
        f"/on-call/schedules/{schedule.slug}/?span=day",
        f"/on-call/schedules/{schedule.slug}/override/",
        f"/on-call/schedules/{schedule.slug}/swap/",
        f"/on-call/schedules/{schedule.slug}/temporary/",
        "/on-call/mine/",
        "/on-call/leave/",
        "/on-call/new/",
        f"/on-call/new/{schedule.team.slug}/",
        "/escalation/",
        "/escalation/simulate/",
        f"/escalation/simulate/?service={hot.service.slug}&severity=0&answers=nobody",
        f"/sandbox/{waiting.person_id}/",
        f"/a/{messages.token_of(waiting)}/",
        "/postmortems/",
        "/postmortems/library/?q=payments",
        "/postmortems/feed/",
        f"/postmortems/{ended.number}/external/",
        f"/postmortems/{ended.number}/",
        f"/postmortems/{ended.number}/sections/summary/",
        f"/postmortems/{ended.number}/whys/",
        f"/postmortems/{ended.number}/whys/?as=list",
        f"/postmortems/{ended.number}/whys/?as=back",
        f"/postmortems/{ended.number}/whys/{root.pk}/",
        f"/postmortems/{ended.number}/whys/{root.pk}/parents/",
        f"/postmortems/{ended.number}/whys/{root.pk}/evidence/",
        f"/postmortems/{ended.number}/actions/add/",
        f"/postmortems/{ended.number}/review/",
        f"/postmortems/{ended.number}/publish/",
        f"/postmortems/{ended.number}/comments/?on=section-lessons",
        "/action-items/",
        "/action-items/?show=mine",
        "/action-items/?show=board",
        f"/action-items/{item.pk}/",
        f"/action-items/{item.pk}/finish/",
        NOWHERE,
    ]


def look_at(page, base, paths, look):
    """What is wrong with each page in this look: axe's findings, a scroll sideways, a script that failed."""
    faults = []
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    for path in paths:
        answer = page.goto(base + path)
        if path != NOWHERE and answer.status != 200:
            faults.append(f"{path} {look}: answers {answer.status}")
        page.wait_for_timeout(400)  # fragments come in
        found = Axe().run(page, options=RULES).response["violations"]
        faults += [f"{path} {look}: {one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            faults.append(f"{path} {look}: scrolls sideways")
    return faults


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look['color_scheme']}-{look['viewport']['width']}")
def test_every_page_is_accessible_and_fits_its_window(look, database_url, chromium_path, monkeypatch):
    monkeypatch.setenv("SANDBOX", "1")
    call_command("demo", verbosity=0)
    paths, faults = addresses(), []
    with running_server(database_url, SANDBOX="1", DEMO="1") as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = browser.new_context(**look).new_page()
        faults += look_at(page, base, ["/account/login/", "/account/password/reset/"], "stranger")
        page.goto(f"{base}/account/login/")
        page.get_by_label("E-mail").fill("admin@example.com")
        page.get_by_label("Password").fill(DEMO_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{base}/")
        faults += look_at(page, base, paths, f"{look['color_scheme']} {look['viewport']['width']}")
        browser.close()

    assert not faults, "\n".join(faults)
