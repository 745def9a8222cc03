"""The words, times and chips that every page is made of."""

from datetime import UTC, datetime, timedelta

import lucide
import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.template import Context, engines
from django.test import RequestFactory, override_settings
from playwright.sync_api import sync_playwright

from incidents.models import Access, Severity, User
from incidents.places import PLACES
from incidents.templatetags import tocsin

AT = datetime(2026, 11, 23, 14, 13, 48, tzinfo=UTC)
LEE = User(pk=2, name="Lee Park", time_zone="Asia/Seoul")


def drawn(source, **context):
    return engines["django"].from_string(source).render(context)


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Lee Park", "LP"), ("Ana María de la Cruz", "AC"), ("sokha", "SO"), ("X", "X"), ("", "?"), (None, "?")],
)
def test_initials_are_those_of_the_first_and_last_word(name, letters):
    assert tocsin.initials(name) == letters


def test_a_person_has_the_same_tint_on_every_page_and_six_are_in_use():
    tints = {drawn("{% avatar p %}", p=User(pk=pk, name="Lee Park")) for pk in range(1, 13)}

    assert len(tints) == 6
    assert drawn("{% avatar p size='lg' %}", p=LEE) == '<span class="av av-3 lg" aria-hidden="true">LP</span>'


@pytest.mark.parametrize("nobody", [None, User(name="Not saved yet")])
def test_nobody_is_a_dashed_mark(nobody):
    assert drawn("{% avatar p %}", p=nobody).startswith('<span class="av none" aria-hidden="true"><svg')


def test_an_icon_beside_a_word_is_silent_and_carries_no_style():
    svg = drawn("{% icon 'bell-ring' %}")

    assert svg.startswith('<svg class="i" viewBox="0 0 24 24" fill="none" stroke="currentColor"')
    assert 'aria-hidden="true"' in svg
    assert "style=" not in svg
    assert "<path" in svg
    assert "xmlns" not in svg


def test_an_icon_alone_says_its_label_and_the_label_is_escaped():
    svg = drawn("{% icon 'pin' label=words css='ok' %}", words='Pinned "here" <b>')

    assert 'class="i ok"' in svg
    assert 'role="img" aria-label="Pinned &quot;here&quot; &lt;b&gt;"' in svg
    assert "aria-hidden" not in svg


def test_an_unknown_icon_is_an_error_and_not_a_hole():
    with pytest.raises(lucide.IconDoesNotExist):
        tocsin.icon("no-such-icon")


def test_a_severity_carries_its_number_its_name_and_its_class():
    assert drawn("{% severity 0 'Critical' %}") == '<span class="sev sev-0">P0 Critical</span>'
    assert drawn("{% sev s big=True %}", s=Severity(level=3, name="Minor <3")) == (
        '<span class="sev sev-3 big">P3 Minor &lt;3</span>'
    )


def test_r85_what_people_write_cannot_run():
    html = drawn("{{ text|markdown }}", text="**bold** <script>alert(1)</script> [x](javascript:alert(1))")

    assert "<strong>bold</strong>" in html
    assert "<script" not in html
    assert "javascript:" not in html


@pytest.mark.parametrize(
    ("moment_at", "words"),
    [
        (AT, "14:13 UTC"),
        (datetime(2026, 11, 21, 3, 40, tzinfo=UTC), "Sat 21 Nov, 03:40 UTC"),
        (datetime(2025, 11, 23, 14, 13, tzinfo=UTC), "23 Nov 2025, 14:13 UTC"),
        (None, "–"),
    ],
)
def test_a_time_has_its_day_when_it_is_not_today(moment_at, words):
    assert drawn("{{ moment_at|moment:at }}", moment_at=moment_at, at=AT) == words


def test_times_of_day_are_utc_whatever_zone_they_come_in():
    in_seoul = AT.astimezone(LEE.zone)

    assert (
        drawn("{{ t|clock }} {{ t|clock_utc }} {{ t|iso }}", t=in_seoul) == "14:13 14:13 UTC 2026-11-23T14:13:48.000Z"
    )


@pytest.mark.parametrize(
    ("person", "words"),
    [(LEE, "23:13 Seoul"), ("America/Argentina/Buenos_Aires", "11:13 Buenos Aires"), ("UTC", "14:13 UTC")],
)
def test_the_time_of_another_person_names_their_city(person, words):
    assert drawn("{{ at|local_time:person }}", at=AT, person=person) == words


SPANS = [
    (0, "00:00"),
    (192, "03:12"),
    (3599, "59:59"),
    (3600, "1 h"),
    (7800, "2 h 10 min"),
    (86400, "24 h"),
    (48 * 3600 - 1, "47 h 59 min"),
    (timedelta(days=2), "2 days"),
    (timedelta(days=3, hours=4), "3 days 4 h"),
    (None, "–"),
    ("", "–"),
]


@pytest.mark.parametrize(("length", "words"), SPANS)
def test_a_span_is_said_in_minutes_then_hours_then_days(length, words):
    assert tocsin.span(length) == words


DEADLINES = [
    (timedelta(seconds=192), "in 03:12"),
    (timedelta(milliseconds=400), "in 00:01"),
    (timedelta(0), "0:00 late"),
    (timedelta(hours=2, minutes=10), "in 2 h 10 min"),
    (timedelta(hours=30), "in 30 h"),
    (timedelta(days=3, hours=5), "in 3 days"),
    (-timedelta(seconds=134), "2:14 late"),
    (-timedelta(hours=5), "5 h late"),
    (-timedelta(days=2, hours=1), "2 days late"),
]


@pytest.mark.parametrize(("left", "words"), DEADLINES)
def test_a_deadline_is_ahead_or_late(left, words):
    assert tocsin.until(AT + left, AT) == words


@pytest.mark.parametrize(
    ("left", "state"),
    [(901, "run"), (900, "soon"), (1, "soon"), (0, "late"), (-5, "late")],
)
def test_a_countdown_is_soon_in_its_last_quarter_and_late_after(left, state):
    due_at = AT + timedelta(seconds=left)

    html = drawn("{% countdown due since=start %}", at=AT, due=due_at, start=due_at - timedelta(hours=1))

    assert f'data-state="{state}"' in html


@pytest.mark.parametrize(("left", "state"), [(61, "run"), (60, "soon")])
def test_a_short_countdown_is_soon_for_sixty_seconds(left, state):
    due_at = AT + timedelta(seconds=left)

    assert f'data-state="{state}"' in drawn(
        "{% countdown due since=start %}", at=AT, due=due_at, start=due_at - timedelta(seconds=90)
    )


def test_a_countdown_without_a_start_is_never_soon():
    assert 'data-soon="" data-prefix="in" data-state="run">in 00:01<' in drawn(
        "{% countdown due prefix='in' %}", at=AT, due=AT + timedelta(seconds=1)
    )


def test_the_clock_of_what_has_gone_by_counts_up():
    assert drawn("{% elapsed since %}", at=AT, since=AT - timedelta(minutes=11, seconds=48)) == (
        '<time class="num" datetime="2026-11-23T14:02:00.000Z" data-elapsed="2026-11-23T14:02:00.000Z">11:48</time>'
    )


def places(user, path="/", **context):
    request = RequestFactory().get(path)
    return {place["key"]: place for place in tocsin.places(Context({"request": request, "user": user, **context}))}


def test_the_admin_site_is_a_place_for_administrators_alone():
    assert "admin" in places(User(pk=1, access=Access.ADMINISTRATOR))
    assert "admin" not in places(LEE)
    assert "admin" not in places(AnonymousUser())


def test_the_sandbox_is_a_place_only_where_it_is_switched_on():
    with override_settings(SANDBOX=True):
        assert "sandbox" in places(LEE)
    with override_settings(SANDBOX=False):
        assert "sandbox" not in places(LEE)


@override_settings(SANDBOX=True)
def test_every_place_has_an_address():
    assert set(places(User(pk=1, access=Access.ADMINISTRATOR))) == {place.key for place in PLACES}


def test_a_page_may_say_where_it_belongs():
    assert [key for key, place in places(LEE, section="oncall").items() if place["here"]] == ["oncall"]


@pytest.fixture
def page(chromium_path):
    """An empty page of a browser in which nothing but the test's own HTML is loaded."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def clocks_script():
    return (settings.BASE_DIR / "static/js/clocks.js").read_text()


@pytest.mark.browser
def test_the_clocks_of_the_browser_say_the_same_words_as_the_server(page):
    lefts = [left for left, _ in DEADLINES] + [timedelta(seconds=59 * 60 + 59), timedelta(hours=1)]
    clocks = "".join(
        drawn("{% countdown due prefix='in' since=start %}", at=AT, due=AT + left, start=AT - timedelta(hours=2))
        for left in lefts
    ) + "".join(drawn("{% elapsed since %}", at=AT, since=AT - abs(left)) for left in lefts)
    page.clock.set_fixed_time(AT)
    page.set_content(clocks)
    read = "[...document.querySelectorAll('time')].map(time => [time.textContent, time.dataset.state || ''])"
    from_server = page.evaluate(read)

    page.evaluate("document.querySelectorAll('time').forEach(time => { time.textContent = ''; })")
    page.add_script_tag(type="module", content=clocks_script())
    page.wait_for_function("document.querySelector('time').textContent !== ''")

    assert page.evaluate(read) == from_server


@pytest.mark.browser
def test_a_wrong_clock_in_the_browser_does_no_harm(page):
    server_now = datetime.now(UTC) + timedelta(hours=7)
    due_at = server_now + timedelta(hours=2, minutes=10, seconds=30)
    html = drawn(
        '<!doctype html><html data-now="{{ at|iso }}"><time data-countdown="{{ due|iso }}"></time></html>',
        at=server_now,
        due=due_at,
    )
    page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto("http://tocsin.test/")

    page.add_script_tag(type="module", content=clocks_script())
    page.wait_for_function("document.querySelector('time').textContent !== ''")

    assert page.text_content("time") == "2 h 10 min"
