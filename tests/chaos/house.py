"""The organisation that is paged, the senders that complain, and the ledger of what came of it."""

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.rig import Rig
from tests.providers.server import Provider

TEAMS = 10
SECOND_AFTER = 6  # seconds: when the second level of every ladder falls due
LEVELS = 2
GRACE = 5.0  # seconds that a page row may be later than the fault was long
LEASE = 30.0

FILL = """
from datetime import timedelta
from django.utils import timezone
from incidents.models import Access, ApiToken, Integration, Scope, Service, Team, User
from oncall import contacts
from oncall.models import EscalationLevel, EscalationPolicy, EscalationTarget
now, keys = timezone.now(), []
root = User.objects.create_superuser("root@example.com", "a long password of root")
for n in range({teams}):
    team = Team.objects.create(slug=f"team-{{n}}", name=f"Team {{n}}")
    service = Service.objects.create(slug=f"service-{{n}}", name=f"Service {{n}}", team=team)
    policy = EscalationPolicy.objects.create(
        slug=f"ladder-{{n}}", name=f"Ladder {{n}}", service=service, repeat_after=timedelta(hours=1))
    for level, after in ((1, 0), (2, {second})):
        person = User.objects.create(email=f"p{{n}}-{{level}}@example.com", name=f"Person {{n}} {{level}}")
        address = f"{address}/{{n}}/{{level}}"
        contacts.add(person, channel="webhook", address=address, verified=True, at=now)
        rung = EscalationLevel.objects.create(policy=policy, position=level, after=timedelta(seconds=after))
        EscalationTarget.objects.create(level=rung, kind="user", user=person)
    keys.append(Integration.objects.create(service=service, kind="pagerduty", name="chaos").key)
print("KEYS", " ".join(keys), ApiToken.issue(root, scope=Scope.ADMIN)[1])
"""


@dataclass
class Batch:
    """Incidents that were opened together, and how many levels of each must page."""

    label: str
    accepted: list[str] = field(default_factory=list)
    levels: int = LEVELS
    began: float = field(default_factory=time.monotonic)


@dataclass
class Ledger:
    """What came of a batch. Lateness in seconds, of page rows and of messages handed over."""

    wanted: int = 0
    made: int = 0
    lost: int = 0
    unsent: int = 0
    doubled: int = 0
    repeated: int = 0
    expiries: int = 0
    unaccounted: int = 0
    page_late: float = 0.0
    message_late: float = 0.0


class House:
    """What the faults work with."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.provider = Provider()
        self.keys: list[str] = []
        self.token = ""

    def close(self) -> None:
        self.provider.close()

    def furnish(self) -> None:
        """Ten teams with a ladder of two people each, who are reached by webhook."""
        import subprocess
        import sys

        words = FILL.format(teams=TEAMS, second=SECOND_AFTER, address=self.provider.url)
        said = subprocess.run(
            [sys.executable, "manage.py", "shell", "-v0", "-c", words],
            env=self.rig.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        found = [line for line in said.stdout.splitlines() if line.startswith("KEYS ")]
        if not found:
            raise SystemExit(f"the organisation could not be made:\n{said.stderr[-3000:]}")
        *self.keys, self.token = found[0].split()[1:]

    def open(self, label: str, number: int, *, levels: int = LEVELS) -> Batch:
        """Complain so often, each time about another thing, as a sender who comes back until he is heard."""
        batch = Batch(label, levels=levels)
        threads = [threading.Thread(target=self._complain, args=(batch, range(first, number, 8))) for first in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.rig.sleep(0.1)
        return batch

    def _complain(self, batch: Batch, numbers: range) -> None:
        for number in numbers:
            key = f"{batch.label}-{number}"
            if self.send(self.keys[number % TEAMS], key):
                batch.accepted.append(key)

    def send(self, routing_key: str, dedup_key: str, *, seconds: float = 60, summary: str = "It fails") -> bool:
        """Send one event until it is accepted; tell whether it was."""
        payload = {"summary": f"{summary}: {dedup_key}", "source": "chaos", "severity": "error"}
        event = {"routing_key": routing_key, "event_action": "trigger", "dedup_key": dedup_key, "payload": payload}
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.post("/v2/enqueue", event)[0] == 202:
                return True
            time.sleep(0.3)
        return False

    def post(self, path: str, body: object, *, token: str = "") -> tuple[int, bytes]:
        """Ask the web process; status 0 = it did not answer."""
        line = http.client.HTTPConnection("127.0.0.1", self.rig.port, timeout=10)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            line.request("POST", path, body if isinstance(body, bytes) else json.dumps(body), headers)
            answer = line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            line.close()

    def settle(self, batch: Batch, seconds: float = 90) -> None:
        """Wait until everything that is wanted was paged and handed over, or patience ends."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            now = self.count(batch)
            if not now.lost and not now.unsent:
                self.rig.sleep(0.5)  # what would come twice
                return
            self.rig.sleep(0.5)

    def count(self, batch: Batch) -> Ledger:
        """Hold the rows and what the provider heard against what was accepted."""
        rows = [row for row in self.rig.run(PAGES, f"{batch.label}-%") if row[1] <= batch.levels]
        seen = Counter((key, level) for key, level, *_ in rows)
        wanted = {(key, level) for key in set(batch.accepted) for level in range(1, batch.levels + 1)}
        heard = Counter(asked.headers.get("Idempotency-Key", "") for asked in list(self.provider.asked))
        tries = dict(self.rig.run(ATTEMPTS, f"{batch.label}-%"))
        pages = {str(pk) for _, _, pk, *_ in rows}
        mine = {key for key in heard if key.startswith("page-") and key.split("-")[1] in pages}
        ledger = Ledger(wanted=len(wanted), made=len(rows), expiries=sum(tries.values()))
        ledger.lost = len(wanted - set(seen))
        ledger.unsent = sum(1 for *_, sent_late in rows if sent_late is None)
        ledger.doubled = sum(count - 1 for count in seen.values()) + len(set(seen) - wanted)
        ledger.repeated = sum(heard[key] - 1 for key in mine)
        ledger.unaccounted = sum(max(0, heard[key] - 1 - tries.get(key, 0)) for key in mine)
        ledger.page_late = max((late for *_, late, _ in rows), default=0.0)
        ledger.message_late = max((late for *_, late in rows if late is not None), default=0.0)
        return ledger


PAGES = """
SELECT alert.dedup_key, page.level, page.id,
    extract(epoch FROM page.created_at - step.due_at)::float,
    extract(epoch FROM min(delivery.sent_at) FILTER (WHERE delivery.state IN ('accepted', 'delivered', 'bundled'))
        - step.due_at)::float
FROM oncall_page AS page
JOIN incidents_alert AS alert ON alert.incident_id = page.incident_id
JOIN oncall_escalationstep AS step ON step.run_id = page.run_id AND step.level = page.level AND step.loop = page.loop
LEFT JOIN oncall_delivery AS delivery ON delivery.page_id = page.id
WHERE alert.dedup_key LIKE %s
GROUP BY alert.dedup_key, page.id, page.level, step.due_at
"""
ATTEMPTS = """
SELECT replace(delivery.dedupe_key, ':', '-'), count(*) FROM oncall_attempt AS attempt
JOIN oncall_delivery AS delivery ON delivery.id = attempt.delivery_id
JOIN oncall_page AS page ON page.id = delivery.page_id
JOIN incidents_alert AS alert ON alert.incident_id = page.incident_id
WHERE alert.dedup_key LIKE %s AND attempt.outcome IN ('lease expired', 'temporary')
GROUP BY delivery.dedupe_key
"""
