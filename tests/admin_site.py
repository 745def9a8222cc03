"""What the tests of the admin site share: a world with a row of every kind, and forms filled as a browser would."""

from datetime import timedelta
from html.parser import HTMLParser

from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse
from django.utils import timezone

from incidents import due, grading, lifecycle, maintenance, silencing
from incidents.models import (
    Alert,
    ApiToken,
    Holiday,
    Notice,
    RawEvent,
    Runbook,
    Severity,
    Task,
)
from oncall import sending
from oncall.models import (
    CalendarFeed,
    ForeignCalendar,
    HandoffNote,
    Leave,
    Override,
    Provider,
    ReceivedText,
    Restriction,
    RotationWeight,
    ShiftWish,
    Swap,
    TemporarySchedule,
    TemporaryShift,
)
from postmortems import actions, commenting, editing, outreach, whys
from postmortems.models import Template, Tracker
from tests.factories import (
    AdministratorFactory,
    ComponentFactory,
    ContactMethodFactory,
    EscalationLevelFactory,
    EscalationPolicyFactory,
    EscalationTargetFactory,
    IntegrationFactory,
    MembershipFactory,
    ScheduleFactory,
    UserFactory,
)
from tests.oncall.conftest import make_chain

FIXED = ("incidents.severity", "incidents.organisation", "incidents.rolecard", "postmortems.actiondeadline")


def models_of(app_label):
    """Every model of an app that the admin site shows."""
    return sorted(
        (model for model in admin.site._registry if model._meta.app_label == app_label), key=lambda m: m._meta.label
    )


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


class World:
    """A small organisation with one row at least of every kind that the admin site shows."""

    def __init__(self):
        self.chain = make_chain()
        self.administrator = AdministratorFactory(name="Root")
        service, ada = self.chain.service, self.chain.ada
        ComponentFactory(service=service)
        self.integration = IntegrationFactory(service=service)
        Runbook.objects.create(service=service, title="Restart", text="- [ ] Look")
        Holiday.objects.create(team=self.chain.team, date="2026-12-25", name="Christmas")
        ApiToken.issue(ada, name="laptop")
        EscalationTargetFactory(level=EscalationLevelFactory(policy=EscalationPolicyFactory(service=service)))
        layer = ScheduleFactory().layers.get()  # not the chain's own: it is to be on call on every day of the week
        Restriction.objects.create(layer=layer, weekday=0, start="00:00", end="00:00")
        self._override()
        self._cover()
        self._wish()
        self._hear_back()
        self.incident = self._live_through(ada)

    def _override(self):
        now, chain = timezone.now(), self.chain
        Override.objects.create(
            schedule=chain.schedule,
            start=now,
            end=now + timedelta(days=1),
            kind="add",
            person=UserFactory(),
            by=chain.lea,
        )

    def _cover(self):
        """A swap, a temporary schedule with a shift, and leave."""
        now, schedule, person = timezone.now(), ScheduleFactory(), UserFactory()
        span = {"start": now, "end": now + timedelta(days=1)}
        Swap.objects.create(schedule=schedule, asked_by=person, asked_at=now, expires_at=span["end"], **span)
        row = TemporarySchedule.objects.create(schedule=schedule, by=person, **span)
        TemporaryShift.objects.create(temporary=row, person=person, **span)
        Leave.objects.create(person=person, by=person, **span)

    def _wish(self):
        """What is said of shifts, and calendars that are written and read."""
        now, schedule, person = timezone.now(), ScheduleFactory(), UserFactory()
        ShiftWish.objects.create(user=person)
        RotationWeight.objects.create(schedule=schedule, person=person, weight=2)
        HandoffNote.objects.create(schedule=schedule, author=person, text="Quiet.", written_at=now)
        CalendarFeed.objects.create(person=person, digest=f"digest {person.pk}", created_at=now)
        layer = schedule.layers.get()
        ForeignCalendar.objects.create(layer=layer, sealed="x", shown="example.com (ab)", by=person, due_at=now)

    def _hear_back(self):
        """A provider that rested, and a text that somebody sent."""
        now = timezone.now()
        Provider.objects.create(name=f"provider {now.timestamp()}", failures=1, failed_at=now)
        ReceivedText.objects.create(
            provider_id=f"SM{now.timestamp()}", number="+4915112345678", text="1a", understood=True, at=now
        )

    def _live_through(self, ada):
        now = timezone.now()
        incident = self.chain.declare(0, at=now - timedelta(minutes=1))
        due.settle(due.database_now())
        self._send()
        lifecycle.acknowledge(incident, by=ada, at=now)
        grading.change_severity(incident, to=Severity.objects.get(level=1), reason="Less than feared.", by=ada, at=now)
        lifecycle.resolve(incident, by=ada, at=now)
        incident.refresh_from_db()
        Task.objects.create(incident=incident, title="Tell the customers", owner=ada, created_at=now)
        self._write(incident, ada)
        self.hear(incident, self.integration)
        return incident

    def _write(self, incident, author):
        Template.objects.create(name=f"Template {incident.number}", is_active=False)
        Tracker.objects.create(
            name=f"Tracker {incident.number}", kind="github", base_url="https://a.example", project="o/r"
        )
        plan = actions.Plan("Alert on the pool", owner=author)
        actions.add(incident, plan, by=author, at=timezone.now())
        whys.ask(incident.postmortem, whys.Said("The pool was exhausted"), by=author, at=timezone.now())
        section = incident.postmortem.sections.order_by("pk").first()
        commenting.begin(incident, section, text="Is this so?", by=author, at=timezone.now())
        outreach.save(incident.postmortem, text="It was down.", version=0, by=author, at=timezone.now())
        text, version = "What happened.", section.version
        editing.save_section(section, text=text, base_version=version, by=author, at=timezone.now())

    def _send(self):
        """Send by text message, which the sandbox takes; a first page goes out on all channels at once."""
        with override_settings(SANDBOX=True):
            for channel in ("sms", "chat"):
                sending.send_due(channel, at=due.database_now())

    def hear(self, incident, integration):
        """Rows of what came in for an incident, and of what somebody must be told."""
        now = timezone.now()
        event = RawEvent.objects.create(
            integration=integration, format="generic", body=b'{"summary": "down"}', received_at=now
        )
        Alert.objects.create(
            integration=integration,
            incident=incident,
            service=integration.service,
            dedup_key="down",
            group_key="down",
            summary="Down",
            first_received_at=now,
            last_received_at=now,
            raw_event=event,
        )
        self.keep_quiet(integration.service, now)
        Notice.objects.create(
            person=UserFactory(), incident=incident, subject="Look", text="Look", due_at=now, dedupe_key=event.pk
        )

    def keep_quiet(self, service, now):
        """A window and a silence of a service."""
        by, end = self.administrator, now + timedelta(hours=1)
        maintenance.plan(title="Upgrade", services=[service], start=now, end=end, by=by, at=now)
        silencing.silence(service=service, reason="Known", end=end, by=by, at=now)

    def grow(self):
        """Add two rows of every kind that can be many, each with rows of its own around it."""
        for _ in range(2):
            row = IntegrationFactory()
            incident = self.chain.declare(2, at=timezone.now())
            due.settle(due.database_now())
            self._send()
            lifecycle.resolve(incident, by=self.chain.lea, at=timezone.now())
            self._write(incident, UserFactory())
            self.hear(incident, row)
            Runbook.objects.create(service=row.service, title="Restart", text="- [ ] Look")
            self._override()
            self._cover()
            self._wish()
            self._hear_back()
            Task.objects.create(incident=incident, title="Look", owner=UserFactory(), created_at=timezone.now())
            ApiToken.issue(MembershipFactory().user)
            ScheduleFactory()
            ContactMethodFactory()
            EscalationTargetFactory()


def sign_in(client, user=None):
    """A client in which the person (or a new administrator) is signed in."""
    client.force_login(user or AdministratorFactory())
    return client


class Form(HTMLParser):
    """What a browser would send of the page's main form: the value of every field that is not a button."""

    def __init__(self, page, form_id):
        super().__init__()
        self.form_id, self.inside, self.data = form_id, False, {}
        self.select = self.area = None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        if tag == "form":
            self.inside = said.get("id") == self.form_id
        name = said.get("name")
        if not self.inside or not (name or tag == "option"):
            return
        if tag == "input" and said.get("type") not in {"submit", "button", "file"}:
            if said.get("type") not in {"checkbox", "radio"} or "checked" in said:
                self._add(name, said.get("value", "on" if said.get("type") == "checkbox" else ""))
        elif tag == "textarea":
            self.area = name
            self.data[name] = ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and "selected" in said:
            self._add(self.select, said.get("value", ""))

    def handle_data(self, data):
        if self.area:
            self.data[self.area] += data.removeprefix("\r\n") if not self.data[self.area] else data

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False
        elif tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None

    def _add(self, name, value):
        if "__prefix__" not in name and name != "csrfmiddlewaretoken":
            self.data[name] = value


def filled(client, address):
    """The data of the form at an address as it stands there."""
    answer = client.get(address)
    model = answer.context["opts"].model_name
    return Form(answer.content.decode(), f"{model}_form").data


def send(client, address, /, **changes):
    """Fill in the form at an address, with changes, and send it; ``None`` takes a field out."""
    data = filled(client, address) | changes
    return client.post(address, {name: value for name, value in data.items() if value is not None})


def errors_of(answer):
    """Every text of refusal on a page."""
    assert answer.status_code == 200, answer.headers.get("Location")
    form = answer.context["adminform"].form
    said = [text for texts in form.errors.values() for text in texts]
    for inline in answer.context["inline_admin_formsets"]:
        said += list(inline.formset.non_form_errors())
        said += [text for row in inline.formset.errors for texts in row.values() for text in texts]
    return said


def said_on(answer):
    """The messages that a page shows."""
    return [str(message) for message in answer.context["messages"]]


def add_row(data, prefix, **row):
    """Add a row to a formset as its “add another” button would."""
    total = int(data[f"{prefix}-TOTAL_FORMS"])
    data[f"{prefix}-TOTAL_FORMS"] = str(total + 1)
    data |= {f"{prefix}-{total}-{name}": value for name, value in row.items()}


def check_every_page(client, model):
    """Each page of a model answers: the list, a search, the add page where there is one, a row, its history."""
    window = admin.site._registry[model]
    row = model._default_manager.order_by("pk").first()
    assert row is not None, f"the world has no {model._meta.label}"
    for address in (url(model, "changelist"), url(model, "changelist") + "?q=x", url(model, "changelist") + "?q=7"):
        assert client.get(address).status_code == 200, address
    assert window.search_fields, f"{model._meta.label} cannot be searched"
    assert client.get(url(model, "change", row.pk)).status_code == 200
    assert client.get(url(model, "history", row.pk)).status_code == 200
    may_add = model._meta.label_lower not in FIXED and not getattr(window, "written_by_deeds", False)
    assert client.get(url(model, "add")).status_code == (200 if may_add else 403)


def check_cost(client, world, model):
    """The list of a model costs the same number of queries however many rows it has."""
    before, rows = _queries(client, model), model._default_manager.count()
    world.grow()
    after = _queries(client, model)

    assert model._meta.label_lower in FIXED or model._default_manager.count() > rows or rows > 2, "nothing grew"
    assert len(after) <= len(before), [query["sql"] for query in after]


def _queries(client, model):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url(model, "changelist")).status_code == 200
    return queries.captured_queries


def check_no_inline_style_or_script(page):
    """The policy of the site would block both."""
    assert " style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert " onclick=" not in page
