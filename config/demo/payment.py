"""The payment story of R-58: nine events from 14:02 to 14:20, and the incident of the demo that they made.

Figures: acknowledged after 1 minute, mitigated after 13, recovered after 18.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from config.demo.story import (
    COMMANDER,
    COMMUNICATIONS,
    DEVELOPMENT,
    MONITORING,
    OPERATIONS,
    Beat,
    Signal,
    Story,
    ack,
    act,
    done,
    join,
    mitigate,
    over,
    phase,
    resolve,
    say,
    section,
    take,
    task,
    why,
)
from incidents.models import EntryKind
from postmortems.models import SectionKey

BEGINS = "14:02"  # UTC
SATURDAY = 5


@dataclass(frozen=True)
class StoryEvent:
    """One of the nine: so long after the first sign, somebody in this role said this."""

    after: timedelta
    role: str
    kind: str
    text: str


def payment_story() -> tuple[StoryEvent, ...]:
    """The nine events in their order, for the demo and for a drill that replays them."""
    told = (
        (0, MONITORING, EntryKind.ALERT, "Payment success rate fell from 99.9 % to 12 %. P0 alert."),
        (
            1,
            COMMANDER,
            EntryKind.ACTION,
            "I confirm P0 and I command. The channel is open; Communications, Operations and Development, please join.",
        ),
        (
            3,
            COMMUNICATIONS,
            EntryKind.UPDATE,
            "Most card payments have failed since 14:02 UTC. Management is informed and the status page says "
            "“degraded”. Next update at 14:20.",
        ),
        (
            6,
            OPERATIONS,
            EntryKind.FINDING,
            "The primary database runs at 100 % CPU and its connection pool is exhausted: new requests wait until "
            "they time out.",
        ),
        (
            8,
            DEVELOPMENT,
            EntryKind.FINDING,
            "Yesterday's release brought a slow query on the payments table. It is on top of the list by far: this "
            "is the cause.",
        ),
        (
            10,
            COMMANDER,
            EntryKind.DECISION,
            "We roll yesterday's release back and fail over to the standby, both at once, now.",
        ),
        (
            13,
            OPERATIONS,
            EntryKind.ACTION,
            "Failover is done. The standby is the primary; connections are back below half of the pool.",
        ),
        (16, DEVELOPMENT, EntryKind.ACTION, "The rollback is deployed everywhere; the slow query is gone."),
        (
            18,
            COMMUNICATIONS,
            EntryKind.UPDATE,
            "Payment success rate is back at 99.8 %. We have announced the recovery to customers and management.",
        ),
    )
    return tuple(StoryEvent(timedelta(minutes=after), role, kind, text) for after, role, kind, text in told)


SPEAKERS = {
    COMMANDER: "lead",
    COMMUNICATIONS: "ingrid",
    OPERATIONS: "platform on call",
    DEVELOPMENT: "on call",
}
STANDBY = "Build a new standby, since we run without one"
SLOW_QUERY = (
    "A release of the day before brought a query that reads the whole payments table. Under the load of the "
    "afternoon each one held a connection for seconds, until the pool of the primary had none left."
)


def payment_incident(now: datetime) -> Story:
    """The story as an incident of the last working day before today."""
    events = payment_story()
    return Story(
        "Card payments fail: success rate at 12 %",
        "checkout-api",
        0,
        _beats(events),
        days_ago=_days_since_work(now),
        clock=BEGINS,
        alert=Signal(events[0].text, "payments-prober-2", "fatal", 6, {"rule": "PaymentSuccessRate"}, role=MONITORING),
        percent=88,
        also=("ledger-db",),
    )


def _days_since_work(now: datetime) -> int:
    day = now.astimezone(UTC).date() - timedelta(days=1)
    while day.weekday() >= SATURDAY:
        day -= timedelta(days=1)
    return (now.astimezone(UTC).date() - day).days


def _beats(events: tuple[StoryEvent, ...]) -> tuple[Beat, ...]:
    """The first event is the alert itself; the others are said, and three of them come with a deed."""
    told = [
        say(event.after / timedelta(minutes=1), SPEAKERS[event.role], event.kind, event.text, event.role)
        for event in events[1:]
    ]
    deeds = [
        ack(1, "lead"),
        join(2, "on call"),
        join(2.5, "ingrid"),
        join(4, "platform on call"),
        take(5.5, "platform lead"),
        phase(10, "lead", "mitigate"),
        mitigate(13, "platform on call", "Failover to the standby database"),
        over(18.5),
        task(40, "lead", STANDBY, owner="platform on call"),
        done(201, "platform on call", STANDBY),
        resolve(223, "lead", SLOW_QUERY, recovered=18),
        *_postmortem(events),
    ]
    return tuple(sorted([*deeds, *told], key=lambda beat: beat.minute))


def _postmortem(events: tuple[StoryEvent, ...]) -> list[Beat]:
    began = datetime.strptime(BEGINS, "%H:%M").replace(tzinfo=UTC)
    story = "\n".join(f"- **{began + event.after:%H:%M}** {event.role}: {event.text}" for event in events)
    return [
        section(252, "ingrid", SectionKey.SUMMARY, SUMMARY),
        section(256, "ingrid", SectionKey.TIMELINE, story),
        section(261, "ingrid", SectionKey.IMPACT, IMPACT),
        section(274, "on call", SectionKey.ROOT_CAUSE, ROOT_CAUSE),
        *_five_whys(),
        act(288, "platform on call", "Stop statements of the payments user after two seconds", "review", term="short"),
        act(289, "lead", "Show the query plan of each change against a full copy", "review", kind="process"),
        act(
            290,
            "platform on call",
            "Alert when a connection has to be waited for",
            "alarm",
            kind="detect",
            term="short",
        ),
        section(291, "lead", SectionKey.IMPROVEMENTS, IMPROVEMENTS),
        section(302, "lead", SectionKey.LESSONS, LESSONS),
    ]


def _five_whys() -> list[Beat]:
    """The worked example of R-74."""
    index = "The new filter has no index: each query read the whole payments table."
    review = "There is no review process for SQL that a change has to pass."
    alarm = "No alarm watches how many connections of the pool are taken."
    return [
        why(275, "on call", "pool", "The connection pool of the primary database was exhausted.", confidence="known"),
        why(276, "on call", "slow", "Slow queries held each connection for eight seconds.", "pool", confidence="known"),
        why(278, "on call", "index", index, "slow", confidence="known"),
        why(280, "lead", "tables", "No database review took place when the tables went live.", "index"),
        why(283, "lead", "review", review, "tables", is_root_cause=True, category="process", confidence="likely"),
        why(
            286,
            "platform on call",
            "alarm",
            alarm,
            "pool",
            is_root_cause=True,
            category="monitoring",
            enough_because="The alarm is ours to add, and nothing stands in its way.",
        ),
    ]


SUMMARY = """\
From 14:02 to 14:20 UTC, for 18 minutes, 88 of 100 card payments failed. The first alert came with the first failures;
it was acknowledged after 1 minute, mitigated by a failover after 13, and users were well again after 18.

The primary of the ledger database had run out of connections. A query that came with a release of the day before read
the whole payments table and held each connection for seconds. A failover to the standby brought payments back; the
rollback took the query away. An index that makes the query harmless went live at 17:45, and the incident was resolved.
"""
IMPACT = """\
- Users: everybody who paid by card; 88 % of the attempts failed between 14:02 and 14:20 UTC (success rate 12 %)
- Failed payments: 4,310, of about 2,900 customers; 2,240 of them paid later the same day
- Orders lost for good: about 660 baskets, an estimated 41,000 EUR
- Service level: 18 of the 43 minutes that the month allows
- Status page: “degraded” from 14:05 to 14:20. We would now say “major outage”, since four of five payments failed
"""
ROOT_CAUSE = """\
**Trigger.** The release of the day before added a filter by voucher to the list of payments. Without an index for it,
the query read 190 million rows. At night that took a second and nobody noticed; in the afternoon it took eight.

**Conditions.** A slow query could take every connection, no alarm watched the pool, and the way of a change into
production has no place at which somebody looks at what a query costs. The five whys below lead from one to the other.
"""
IMPROVEMENTS = """\
A query that costs too much is stopped before it takes the house down, and is seen before it goes live. List pages and
captures are to get pools of their own, so that one cannot starve the other: that is planned for next quarter.
"""
LESSONS = """\
**Went well.** One person commanded from the second minute on and everybody knew it. Failover and rollback ran side by
side. The standby had been rehearsed in the drill of last quarter.

**To improve.** It took six minutes to look at the database: the dashboard of checkout does not show its pool.

**New risk.** After the failover we ran without a standby for three hours.
"""
