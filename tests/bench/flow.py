"""The herd through the whole product: workers, broker, outbox, providers. Printed by ``python -m tests.bench``."""

import asyncio
import json
import threading
import time
from datetime import timedelta

from tests.bench import herd, intake
from tests.bench.product import quantile
from tests.providers.server import Answer, Provider

LEAD = timedelta(seconds=8)  # from the making of a herd to the instant at which it is due
PATIENCE = 180  # seconds
SLOW = 0.3  # seconds that the slow provider takes
PEOPLE = 1000


def flow(base: str) -> None:
    """All of it, on a running product."""
    services = herd.teams()
    for count in (1000, 10_000):
        due_at_once(services, count)
        herd.end_all()
    people_at_once()
    herd.end_all()
    five_hundred(base)
    herd.end_all()


def due_at_once(services, count: int) -> None:
    """So many escalations due at one instant: page rows as others see them, and messages as they are handed over."""
    from django.db.models import Max, Min
    from django.utils import timezone

    from oncall.models import Delivery, Page

    at = timezone.now() + LEAD * (1 + count // 2000)
    ids = herd.gather(services, count, at)
    if timezone.now() > at:
        print(
            f"{count} escalations: making them took longer than {LEAD * (1 + count // 2000)}; the figures are too high"
        )
    pages = Page.objects.filter(incident__gte=min(ids))  # a list of keys would cost more than what is measured
    waits: list[float] = []
    until = time.monotonic() + PATIENCE
    while len(waits) < count and time.monotonic() < until:
        new = pages.count() - len(waits)
        waits += [(timezone.now() - at).total_seconds()] * new
        time.sleep(0.05)
    sent = Delivery.objects.filter(page__incident__gte=min(ids), sent_at__isnull=False)
    while sent.count() < count and time.monotonic() < until:
        time.sleep(0.5)
    first, last = sent.aggregate(first=Min("sent_at"), last=Max("sent_at")).values()
    handed = [f"{(one - at).total_seconds():.2f} s" if one else "never" for one in (first, last)]
    rows = [f"{one:.2f} s" for one in (quantile(waits, 0.5), quantile(waits, 0.99), max(waits, default=float("nan")))]
    print(
        f"{count} escalations due at one instant: {len(waits)} page rows, p50 {rows[0]}, p99 {rows[1]}, last {rows[2]}"
    )
    print(f"  {sent.count()} handed over, first {handed[0]}, last {handed[1]}", flush=True)


def people_at_once() -> None:
    """A thousand people paged through a provider that takes 300 ms, beside one that hangs."""
    from django.db.models import Max
    from django.utils import timezone

    from incidents.models import Incident, Membership, Service, Team, User
    from oncall import contacts
    from oncall.models import Delivery, EscalationLevel, EscalationPolicy, EscalationTarget

    slow, hanging = Provider(lambda asked: Answer(silence=SLOW)), Provider(lambda asked: Answer(silence=60))
    team = Team.objects.create(slug="crowd", name="Crowd")
    people = User.objects.bulk_create(
        User(email=f"crowd{n}@example.com", name=f"Crowd {n}", password="!") for n in range(PEOPLE)
    )
    Membership.objects.bulk_create(Membership(team=team, user=person) for person in people)
    now = timezone.now()
    for person in people:
        contacts.add(person, channel="webhook", address=f"{slow.url}/hook", verified=True, at=now)
    service = Service.objects.create(slug="crowd", name="Crowd", team=team)
    policy = EscalationPolicy.objects.create(slug="crowd", name="Crowd", service=service)
    level = EscalationLevel.objects.create(policy=policy, position=1)
    EscalationTarget.objects.create(level=level, kind="chain")
    stuck = User.objects.create(email="stuck@example.com", name="Stuck")
    Membership.objects.create(team=team, user=stuck)
    contacts.add(stuck, channel="push", address=f"{hanging.url}/topic", verified=True, at=now)
    at = timezone.now()
    with_herd = (Incident.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    incident = Incident.objects.create(
        number=with_herd, title="Everybody", service=service, severity_id=2, peak_severity_id=2, urgency=1,
        detected_at=at, declared_at=at, contract_started_at=at,
    )  # fmt: skip
    sent = Delivery.objects.filter(page__incident=incident, channel="webhook", sent_at__isnull=False)
    until = time.monotonic() + PATIENCE
    while sent.count() < PEOPLE and time.monotonic() < until:
        time.sleep(0.2)
    last = sent.aggregate(last=Max("sent_at"))["last"]
    spent = (last - at).total_seconds() if last else float("nan")
    print(
        f"{PEOPLE} people paged at once by a provider that takes {SLOW * 1000:.0f} ms: {sent.count()} in "
        f"{spent:.1f} s, "
        f"while one that hangs was asked {len(hanging.asked)} times"
    )
    threading.Thread(target=lambda: (slow.close(), hanging.close()), daemon=True).start()


def five_hundred(base: str) -> None:
    """500 distinct alerts: stored, escalated and paged; then a flood of one key."""
    from django.db.models import Max
    from django.utils import timezone

    from incidents.models import Alert, Incident, Integration, Service
    from oncall.models import Delivery

    services = list(Service.objects.filter(slug__startswith="herd-").order_by("pk"))
    keys = [Integration.objects.create(service=one, kind="pagerduty", name="flow").key for one in services]
    began = timezone.now()
    numbers = iter(range(500))
    done = threading.Event()

    def next_body():
        number = next(numbers, None)
        if number is None:
            done.set()
            number = 499
        payload = {"summary": f"Thing {number} fails", "source": "bench", "severity": "error"}
        event = {"routing_key": keys[number % len(keys)], "event_action": "trigger", "dedup_key": f"five-{number}"}
        return "/v2/enqueue", json.dumps(event | {"payload": payload}).encode()

    intake.SECONDS = 1.0
    asyncio.run(intake.load(base, 8, next_body))
    sent = Delivery.objects.filter(page__incident__alerts__dedup_key__startswith="five-", sent_at__isnull=False)
    until = time.monotonic() + PATIENCE
    while sent.values("page__incident").distinct().count() < 500 and time.monotonic() < until:
        time.sleep(0.1)
    last = sent.aggregate(last=Max("sent_at"))["last"]
    paged = sent.values("page__incident").distinct().count()
    spent = (last - began).total_seconds() if last else float("nan")
    print(f"500 distinct alerts: stored, escalated and paged {paged} in {spent:.2f} s")
    key = pagerduty_flood(base, keys[0])
    count = Alert.objects.filter(dedup_key=key).aggregate(total=Max("count"))["total"]
    print(f"a flood of one key: {count} events, {Incident.objects.filter(alerts__dedup_key=key).count()} incident")


def pagerduty_flood(base: str, key: str) -> str:
    """Events of one key for six seconds, at a rate above 10,000 a minute."""
    from incidents.models import RawEvent

    intake.SECONDS = 6.0
    rate, waits, refused = asyncio.run(intake.load(base, 8, intake.pagerduty_events(key, distinct=False)))
    until = time.monotonic() + PATIENCE
    while RawEvent.objects.filter(processed_at=None).exists() and time.monotonic() < until:
        time.sleep(0.2)
    print(f"accepted {len(waits)} at {rate * 60:,.0f} a minute, {refused} refused")
    return "db-1"


if __name__ == "__main__":
    from tests.bench.product import running_product

    with running_product() as address:
        import django

        django.setup()
        flow(address)
