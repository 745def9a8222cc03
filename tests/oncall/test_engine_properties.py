"""The invariants of the engine (I1 to I6, I9, I11, I13 to I15), held against deeds and ticks in any order."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Count, Q
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from incidents import due, grading, holding, lifecycle, timeline
from incidents.models import Alert, Incident, Organisation, Severity, User
from incidents.refusals import Refusal
from oncall import escalation, sending, snoozing
from oncall.models import ContactMethod, Delivery, Escalation, EscalationStep, Page
from tests.factories import IntegrationFactory
from tests.incidents.intake.senders import firing, post_of, store
from tests.oncall.conftest import START, make_chain, reachable

FINAL = ("accepted", "delivered", "failed", "cancelled", "suppressed", "bundled")
CHANNELS = ("voice", "sms", "chat", "email", "in_app")
STEP = timedelta(milliseconds=1)


class Engine(RuleBasedStateMachine):
    """One service with a chain of five people, two doors for alerts, and a clock that only goes on."""

    def __init__(self):
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.chain = make_chain()
        self.keeper = reachable("Kim")
        Organisation.objects.update(fallback=self.keeper)
        self.door = IntegrationFactory(kind="alertmanager", service=self.chain.service)
        self.now = START
        self.final = {}  # deliveries that have reached a final state
        self.held_from = {}  # incident -> the last page when somebody took it
        self.ended_from = {}  # incident -> the last page when it was resolved
        self.people = [self.chain.ada, self.chain.lea, self.chain.dan]

    def teardown(self):
        transaction.savepoint_rollback(self.savepoint)

    def last_page(self):
        return Page.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def incident(self, number):
        known = list(Incident.objects.order_by("pk"))
        return known[number % len(known)]

    def do(self, deed, incident, **said):
        """A deed at the present moment; a refusal changes nothing."""
        self.now += STEP
        with suppress(Refusal):
            deed(incident, by=said.pop("by", self.chain.ada), at=self.now, **said)
        fresh = Incident.objects.get(pk=incident.pk)
        for state, memory in ((fresh.acknowledged, self.held_from), (not fresh.is_open, self.ended_from)):
            if state:
                memory.setdefault(fresh.pk, self.last_page())
            else:
                memory.pop(fresh.pk, None)

    @initialize(level=st.integers(0, 3), reachable=st.booleans())
    def begin(self, level, reachable):
        if not reachable:
            ContactMethod.objects.exclude(user=self.keeper).update(verified_at=None)
        self.chain.declare(level, at=self.now)
        self.wait(0)

    @rule(level=st.integers(0, 4))
    @precondition(lambda self: Incident.objects.count() < 4)
    def declare(self, level):
        self.chain.declare(level, at=self.now)

    @rule(key=st.sampled_from(["Slow", "Down"]), severity=st.sampled_from(["warning", "critical", "fatal"]))
    def alert(self, key, severity):
        store(self.door, post_of(firing(key, severity=severity)), received_at=self.now)

    @rule(minutes=st.sampled_from([0, 1, 2, 5, 15, 31, 66]))
    def wait(self, minutes):
        self.now += timedelta(minutes=minutes) + STEP
        due.settle(self.now)
        self.check_after_a_tick()
        open_now = set(Incident.objects.filter(held_by__isnull=False).values_list("pk", flat=True))
        self.held_from = {pk: page for pk, page in self.held_from.items() if pk in open_now}

    @rule()
    def replay(self):
        """I15: to do again what has been done changes nothing."""
        due.settle(self.now)
        before = [model.objects.count() for model in (Page, Delivery, Escalation, EscalationStep)]
        done = due.do_round(self.now).rows
        assert (done, [model.objects.count() for model in (Page, Delivery, Escalation, EscalationStep)]) == (0, before)

    @rule(channel=st.sampled_from(CHANNELS))
    def send(self, channel):
        """I11: nobody who left and no method that is not verified is used."""
        out = Q(state__in=["accepted", "delivered", "bundled"])
        before = set(Delivery.objects.filter(out).values_list("pk", flat=True))
        sending.send_due(channel, at=self.now)
        for row in Delivery.objects.filter(out, sent_at__isnull=False).exclude(pk__in=before).select_related("person"):
            assert row.person.is_active
            assert row.method.is_usable

    @rule(number=st.integers(0, 3), who=st.integers(0, 2))
    def acknowledge(self, number, who):
        self.do(lifecycle.acknowledge, self.incident(number), by=self.people[who])

    @rule(number=st.integers(0, 3), who=st.integers(0, 2), minutes=st.sampled_from([5, 15, 31]))
    def take_and_wait(self, number, who, minutes):
        """The story that matters most, so that it is told often."""
        self.acknowledge(number, who)
        self.wait(minutes)

    @rule(number=st.integers(0, 3), who=st.integers(0, 2))
    def join(self, number, who):
        self.do(lifecycle.join, self.incident(number), by=self.people[who])

    @rule(number=st.integers(0, 3))
    def give_back(self, number):
        self.do(holding.unacknowledge, self.incident(number))

    @rule(number=st.integers(0, 3))
    def escalate(self, number):
        self.do(escalation.escalate_now, self.incident(number))

    @rule(number=st.integers(0, 3), minutes=st.sampled_from([3, 40]))
    def snooze(self, number, minutes):
        self.do(snoozing.snooze, self.incident(number), until=self.now + timedelta(minutes=minutes))

    @rule(number=st.integers(0, 3))
    def mitigate(self, number):
        self.do(lifecycle.mitigate, self.incident(number), what="rolled back")

    @rule(number=st.integers(0, 3))
    def resolve(self, number):
        self.do(lifecycle.resolve, self.incident(number))

    @rule(number=st.integers(0, 3))
    def reopen(self, number):
        self.do(lifecycle.reopen, self.incident(number), reason="again")

    @rule(number=st.integers(0, 3), level=st.integers(0, 4))
    def change_severity(self, number, level):
        severity = Severity.objects.get(level=level)
        self.do(grading.change_severity, self.incident(number), to=severity, reason="other")

    @rule(number=st.integers(0, 3))
    def note(self, number):
        timeline.add(self.incident(number), kind="note", text="still at it", by=self.chain.ada, at=self.now)

    @rule(who=st.integers(0, 2), leaves=st.booleans())
    def leave(self, who, leaves):
        User.objects.filter(pk=self.people[who].pk).update(is_active=not leaves)

    @rule(who=st.integers(0, 2), level=st.integers(1, 2))
    @precondition(lambda self: Incident.objects.count() < 4)
    def leave_before_the_message_goes(self, who, level):
        self.declare(level)
        self.wait(0)
        self.leave(who, leaves=True)
        self.send("email")
        self.leave(who, leaves=False)

    @rule(who=st.integers(0, 2), lost=st.booleans())
    def lose_methods(self, who, lost):
        mine = ContactMethod.objects.filter(user=self.people[who])
        mine.update(verified_at=None if lost else START)

    @invariant()
    def i1_a_run_waits_for_something_or_says_why_not(self):
        runs = Escalation.objects.filter(incident__status="open").exclude(state="ended")
        assert not runs.filter(state="active", due_at=None).exists()
        assert not runs.filter(state="parked", why="").exists()

    @invariant()
    def i2_a_person_is_paged_once_per_level(self):
        groups = Page.objects.values("run", "generation", "loop", "level", "person").annotate(rows=Count("pk"))
        assert not groups.filter(rows__gt=1).exists()

    @invariant()
    def i3_an_answer_stops_what_waits_for_one_and_the_end_stops_everything(self):
        for pk, page in self.held_from.items():
            late = Page.objects.filter(incident=pk, pk__gt=page, act="page", is_reminder=False)
            steps = EscalationStep.objects.filter(run__incident=pk, condition="unacknowledged", by_hand=False)
            waiting = {(step.run_id, step.loop, step.level) for step in steps}
            assert not [row for row in late if (row.run_id, row.loop, row.level) in waiting]
        for pk, page in self.ended_from.items():
            assert not Page.objects.filter(incident=pk, pk__gt=page).exists()

    @invariant()
    def i3_a_new_generation_never_fires_a_fired_level_again(self):
        asked = Page.objects.filter(is_reminder=False, level__gt=0).values("run", "loop", "level")
        assert not asked.annotate(generations=Count("generation", distinct=True)).filter(generations__gt=1).exists()

    @invariant()
    def i4_i5_deliveries_end_and_what_has_ended_stays(self):
        rows = dict(Delivery.objects.values_list("pk", "state"))
        assert all(rows[pk] == state for pk, state in self.final.items())
        self.final = {pk: state for pk, state in rows.items() if state in FINAL}

    @invariant()
    def i6_one_open_alert_per_key(self):
        groups = Alert.objects.filter(resolved_at=None).values("integration", "dedup_key").annotate(rows=Count("pk"))
        assert not groups.filter(rows__gt=1).exists()

    @invariant()
    def i9_level_and_loop_never_decrease_inside_a_generation(self):
        rows = Page.objects.filter(act="page", is_reminder=False, level__gt=0).order_by("created_at", "loop", "level")
        last = {}
        for row in rows:
            key = (row.run_id, row.generation)
            assert last.get(key, (0, 0)) <= (row.loop, row.level)
            last[key] = (row.loop, row.level)

    @invariant()
    def i13_when_nobody_can_be_reached_the_fallback_is_paged(self):
        for run in Escalation.objects.filter(state="exhausted", severity__lte=2, incident__status="open"):
            assert Page.objects.filter(run=run, level=0, person=self.keeper).exists()

    @invariant()
    def i14_no_throttle_holds_a_first_page(self):
        assert not Delivery.objects.filter(priority__lte=4, error__contains="enough").exists()

    def check_after_a_tick(self):
        """I1, I4, I13: who should have a run has one, nothing waits past its time, P0 to P2 reached somebody."""
        assert not escalation.without_run(self.now).exists()
        assert not Delivery.objects.filter(state="pending", expires_at__lt=self.now).exists()
        for incident in Incident.objects.filter(
            status="open", severity__lte=2, held_by=None, contract_started_at__lt=self.now
        ):
            run = Escalation.objects.exclude(state="ended").get(incident=incident)
            assert run.snoozed_until or Page.objects.filter(run=run, act="page").exists()


@pytest.mark.django_db
def test_i01_to_i15_hold_whatever_people_and_ticks_do(settings_of_django):
    run_state_machine_as_test(
        Engine,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def settings_of_django(settings):
    settings.SANDBOX = True
