"""The two great outages of the last half year: nobody could order, nothing could be booked."""

from config.demo.story import (
    COMMANDER,
    COMMUNICATIONS,
    OPERATIONS,
    TECH_LEAD,
    Signal,
    Story,
    action,
    close,
    decision,
    finding,
    join,
    mitigate,
    note,
    phase,
    publish,
    resolve,
    section,
    severity,
    take,
    update,
)
from postmortems.models import SectionKey

STORIES = (
    Story(
        "The ledger accepts no writes",
        "ledger-db",
        0,
        (
            take(1.1, "on call", "by phone"),
            join(2, "lead"),
            note(2.5, "lead", "I command. Bridge is open.", COMMANDER),
            finding(4, "on call", "The primary is read-only: its disk is full. 380 GB of write-ahead log.", OPERATIONS),
            take(5.6, "payments lead", "by phone"),
            join(6, "ingrid"),
            decision(
                7, "lead", "Drop the replication slot of the archive that nobody reads. That frees the log.", COMMANDER
            ),
            phase(7, "lead", "mitigate"),
            action(9, "on call", "Slot dropped, the log shrinks, writes are accepted again.", OPERATIONS),
            mitigate(10, "on call", "Dropped an unused replication slot that held 380 GB", over=True),
            update(12, "ingrid", "Orders and payments stood still for ten minutes and run again.", COMMUNICATIONS),
            severity(
                21, "lead", 1, "Writes work. What is left is the missing archive: serious, but nobody outside is hurt."
            ),
            finding(44, "priya", "The archive lost four hours. We can read them again from the backup.", TECH_LEAD),
            resolve(
                190,
                "priya",
                "A replication slot without a reader keeps the log for ever, and no alert watches its size.",
            ),
            section(
                900,
                "priya",
                SectionKey.ROOT_CAUSE,
                "The archive job was retired in spring, its slot was not. Nothing in our checks knows which slots "
                "should "
                "exist. The disk alert fired at 98 %, four minutes before the end.",
            ),
            section(
                930,
                "lead",
                SectionKey.IMPROVEMENTS,
                "- Slots may hold 50 GB at most (Platform, done)\n- Disk alert at 70 % and by speed of growth "
                "(Platform, "
                "done)\n- Retiring a job is a checklist that names what it leaves behind (Platform, this quarter)",
            ),
            publish(1330, "lead"),
            close(6000, "lead"),
        ),
        days_ago=115,
        clock="11:52",
        hurt=1,
        percent=100,
        also=("checkout-api", "refunds"),
        alert=Signal("ledger-db refuses writes", "ledger-db-primary", "fatal", 7),
    ),
    Story(
        "Checkout answers 503 to everybody",
        "checkout-api",
        0,
        (
            take(1.3, "on call", "by phone"),
            join(2.2, "lead"),
            action(
                3,
                "lead",
                "P0 confirmed, the bridge is open. I command; I need Platform and somebody for customers.",
                COMMANDER,
            ),
            join(3.4, "ingrid"),
            take(5.4, "platform lead", "by SMS"),
            finding(
                6,
                "on call",
                "Every instance of checkout fails its health check and is taken out of rotation.",
                TECH_LEAD,
            ),
            update(
                7,
                "ingrid",
                "Nobody can order at present. All teams are on it. Next update in 15 minutes.",
                COMMUNICATIONS,
            ),
            finding(
                9,
                "platform lead",
                "The health check asks the configuration service, and that one restarts for an upgrade.",
                OPERATIONS,
            ),
            decision(
                10,
                "lead",
                "Switch the health check to “always healthy” by hand. We accept a bad instance over none.",
                COMMANDER,
            ),
            phase(10, "lead", "mitigate"),
            action(12, "platform lead", "Health check overridden; 40 of 40 instances take traffic again.", OPERATIONS),
            mitigate(13, "platform lead", "Health check overridden so that instances take traffic", over=True),
            update(17, "ingrid", "Orders have worked again since 19:44 UTC. We watch it closely.", COMMUNICATIONS),
            note(40, "on call", "Error rate 0.02 %, as on any evening.", TECH_LEAD),
            resolve(
                96,
                "lead",
                "A health check that depends on another service turns that service's restart into our outage.",
            ),
            section(
                700,
                "ingrid",
                SectionKey.IMPACT,
                "- Everybody, for 13 minutes on a Thursday evening\n- About 5,100 failed attempts to order, some 900 "
                "baskets lost, about 58,000 EUR\n- Service level: 13 of 43 minutes of the month",
            ),
            section(
                720,
                "on call",
                SectionKey.ROOT_CAUSE,
                "**Trigger:** a planned restart of the configuration service.\n\n**Cause:** the health check tells "
                "“can this instance serve?” and asked instead “is everything around it well?”. All instances share "
                "the answer, so all went at once. Nothing in the load balancer keeps a minimum in rotation.",
            ),
            section(
                735,
                "lead",
                SectionKey.IMPROVEMENTS,
                "- Health checks look at their own process only (all teams, done)\n- Keep at least half of the "
                "instances "
                "in rotation whatever the checks say (Platform, done)\n- Rehearse a restart of the configuration "
                "service "
                "every quarter (Platform, planned)",
            ),
            section(
                750,
                "lead",
                SectionKey.LESSONS,
                "**Went well:** answered in 78 seconds, mitigated in 13 minutes, by overriding first and asking "
                "later.\n\n"
                "**To improve:** the upgrade was announced in a channel that Payments does not read.",
            ),
            publish(1200, "lead"),
            close(5760, "lead"),
        ),
        days_ago=77,
        clock="19:31",
        hurt=0.5,
        percent=100,
        also=("web-shop", "notifications"),
        alert=Signal("No healthy instance of checkout-api", "edge-lb-1", "fatal", 12, {"region": "eu-central"}),
    ),
)
