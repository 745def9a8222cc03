"""Scripts that somebody types into every field of Markdown, looked at in real Chromium: none runs."""

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import sync_playwright

from postmortems import actions, commenting, editing, outreach, publishing, whys
from postmortems.actions import Plan
from postmortems.models import WhyKind
from postmortems.whys import Said
from tests.factories import PASSWORD
from tests.live import running_server
from tests.postmortems.conftest import open_incident

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAYLOADS = """
<script>window.pwned=1</script>
<SCRIPT SRC=//127.0.0.1:1/x.js></SCRIPT>
<img src=x onerror="window.pwned=1">
<svg/onload=window.pwned=1>
<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>
<a href="javascript:window.pwned=1" id=evil>x</a>
[x](javascript:window.pwned=1)
[x](JaVaScRiPt&#58;window.pwned=1)
[x](data:text/html;base64,PHNjcmlwdD53aW5kb3cucHduZWQ9MTwvc2NyaXB0Pg==)
![x](x"onerror="window.pwned=1)
<body onload=window.pwned=1>
<details open ontoggle=window.pwned=1>
<input autofocus onfocus=window.pwned=1>
"><script>window.pwned=1</script>
</textarea><script>window.pwned=1</script>
<math><mtext></form><form><mglyph><style></math><img src onerror=window.pwned=1>
<noscript><p title="</noscript><img src=x onerror=window.pwned=1>">
<div style="background:url(javascript:window.pwned=1)" hx-on:load="window.pwned=1" hx-get="/x" hx-trigger="load">x</div>
`<script>window.pwned=1</script>`
""".strip()


@pytest.fixture
def story(committed_db):
    story, at = open_incident(title="<img src=x onerror=window.pwned=1>"), timezone.now()
    by = story.commander
    by.set_password(PASSWORD)
    by.save()
    story.resolve(root_cause=PAYLOADS)
    for section in story.document.sections.all():
        editing.save_section(section, text=PAYLOADS, base_version=section.version, by=by, at=at)
    words = {
        "category": "process",
        "is_root_cause": True,
        "enough_because": PAYLOADS[:1900],
        "accepted_risk": PAYLOADS[:1900],
    }
    why = whys.ask(story.document, Said(PAYLOADS[:1900], question=PAYLOADS[:400], **words), by=by, at=at)
    whys.ask(story.document, Said(PAYLOADS[:1900]), kind=WhyKind.STRENGTH, by=by, at=at)
    whys.add_evidence(why, url="https://example.com/?<script>", label="<script>window.pwned=1</script>", by=by, at=at)
    item = actions.add(story.incident, Plan(PAYLOADS[:200], by, detail=PAYLOADS), by=by, at=at)
    for about in (story.section("lessons"), why, item):
        first = commenting.begin(story.incident, about, text=PAYLOADS, quote=PAYLOADS[:300], by=by, at=at)
        commenting.reply(first, text=PAYLOADS, by=by, at=at)
    publishing.answer(story.document, verdict="changes", note=PAYLOADS, by=by, at=at)
    outreach.save(story.document, text=PAYLOADS, version=0, by=by, at=at)
    story.item = item
    return story


def test_r85_no_script_that_is_typed_anywhere_runs(story, database_url, chromium_path, monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    home, ran = f"/postmortems/{story.incident.number}/", []
    paths = [
        home,
        f"{home}whys/",
        f"{home}whys/?as=list",
        f"{home}whys/?as=back",
        f"{home}comments/",
        f"{home}external/",
    ]
    paths += [f"{home}sections/lessons/", f"{home}sections/lessons/history/", f"{home}publish/", "/postmortems/"]
    paths += [f"/action-items/{story.item.pk}/", "/action-items/", "/postmortems/library/?q=script"]
    with running_server(database_url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.accept()))
        page.goto(f"{base}/account/login/")
        page.get_by_label("E-mail").fill(story.commander.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{base}/")
        for path in paths:
            assert page.goto(base + path).status == 200, path
            page.wait_for_timeout(300)
            bad = "main script, main iframe, main [onerror], main [onload], main [href^=javascript], main .prose img"
            assert (path, page.evaluate("window.pwned"), page.locator(bad).count()) == (path, None, 0)
        browser.close()
        connection.close()

    assert ran == []
