"""The engine, run through past hours: it fires what was due then, and shows each message on the sandbox phones.

Nothing leaves the machine here, whatever providers are set up.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db.models import Value

from incidents import breaches, timeline
from incidents.due import Done
from incidents.models import Clock, EntryKind, Incident, Notice, User
from incidents.states import ClockState
from oncall import climbing, messages, paging
from oncall.models import Attempt, Channel, Delivery, DeliveryState, Escalation, Page, RunState, SandboxMessage

BLINK = timedelta(seconds=1)  # the engine looks once a second
BUSY = "the line is busy"
Due = Callable[[datetime], Done]
SOURCES: tuple[Due, ...] = (climbing.fire_due, paging.repeat_due, breaches.breach_due)  # in the order of a round


class Clockwork:
    """Carries one incident through time. ``silent`` are people whose phone does not answer."""

    def __init__(self, incident: Incident, silent: Collection[User] = ()) -> None:
        self.incident = incident
        self.silent = {person.pk for person in silent}
        self._waiting: dict[Due, datetime] | None = None

    def advance(self, until: datetime) -> None:
        """Do what falls due for this incident before ``until``, each at its time."""
        while (waiting := self._look()) and min(waiting.values()) + BLINK <= until:
            at = min(waiting.values()) + BLINK
            for do in SOURCES:
                if do in waiting and waiting[do] < at:
                    do(at)
            self._carry(at)
            self.stir()
        told = Notice.objects.filter(incident=self.incident, dispatched_at=None, due_at__lte=until)
        told.update(dispatched_at=until)  # a breach of the past is news to nobody

    def stir(self) -> None:
        """Forget what waits: a deed may have changed it."""
        self._waiting = None

    def _look(self) -> dict[Due, datetime]:
        """Since when each source of the engine has something to do (1 query, kept until something stirs)."""
        if self._waiting is None:
            incident = self.incident
            runs = Escalation.objects.filter(incident=incident, state=RunState.ACTIVE)
            calls = Page.objects.filter(incident=incident, repeat_at__isnull=False)
            duties = Clock.objects.filter(incident=incident, state=ClockState.RUNNING)
            rows = runs.values_list(Value(0), "due_at").union(
                calls.values_list(Value(1), "repeat_at"), duties.values_list(Value(2), "due_at")
            )
            self._waiting = {}
            for source, due_at in rows:
                do = SOURCES[source]
                self._waiting[do] = min(due_at, self._waiting.get(do, due_at))
        return self._waiting

    def _carry(self, at: datetime) -> None:
        """Hand every waiting message of the incident to the sandbox, in sets."""
        shown = ("page__incident__severity", "page__incident__service", "page__run", "person")
        waiting = Delivery.objects.filter(page__incident=self.incident, state=DeliveryState.PENDING, not_before__lte=at)
        deliveries = list(waiting.select_related(*shown).order_by("pk"))
        if not deliveries:
            return
        for delivery in deliveries:
            busy = delivery.channel == Channel.VOICE and delivery.person_id in self.silent
            delivery.state = DeliveryState.FAILED if busy else DeliveryState.DELIVERED
            delivery.error = BUSY if busy else ""
            delivery.sent_at = None if busy else at
            delivery.attempts = 1
        Delivery.objects.bulk_update(deliveries, ["state", "error", "sent_at", "attempts"])
        Attempt.objects.bulk_create(_attempt(delivery, at) for delivery in deliveries)
        SandboxMessage.objects.bulk_create(_shown(delivery, at) for delivery in deliveries if not delivery.error)
        self._tell(deliveries, at)

    def _tell(self, deliveries: list[Delivery], at: datetime) -> None:
        incident = Incident.objects.select_for_update(no_key=True).get(pk=self.incident.pk)
        lines = [timeline.Line(incident, EntryKind.DELIVERY, _said(delivery)) for delivery in deliveries]
        timeline.write(lines, at=at)
        incident.save(update_fields=["timeline_seq"])


def _attempt(delivery: Delivery, at: datetime) -> Attempt:
    outcome = "permanent" if delivery.error else "delivered"
    detail = delivery.error or "shown in the sandbox"
    return Attempt(delivery=delivery, number=1, transport="sandbox", at=at, outcome=outcome, detail=detail)


def _shown(delivery: Delivery, at: datetime) -> SandboxMessage:
    message = messages.compose(delivery, at=at)
    return SandboxMessage(
        delivery=delivery,
        person=delivery.person,
        channel=delivery.channel,
        address=delivery.address,
        subject=message.subject,
        text=message.text,
        at=at,
    )


def _said(delivery: Delivery) -> str:
    what = f"{delivery.get_channel_display()} to {delivery.person}"
    return f"{what} failed: {delivery.error}." if delivery.error else f"{what}: delivered."
