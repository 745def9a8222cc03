"""What is fresh while you read: a P2 of yesterday whose postmortem is due, and the four that are open.

A P0 in full swing, a P1 that is mitigated, a P2 that pages the demo's administrator, a P3 that can wait.
"""

from config.demo.story import (
    COMMANDER,
    COMMUNICATIONS,
    DEVELOPMENT,
    OPERATIONS,
    TECH_LEAD,
    Signal,
    Story,
    ack,
    action,
    decision,
    done,
    finding,
    join,
    mitigate,
    note,
    phase,
    resolve,
    section,
    severity,
    take,
    task,
    update,
)
from incidents.models import Role
from incidents.states import Detection
from postmortems.models import SectionKey

STORIES = (
    Story(
        "Basket forgets gifts when the page is reloaded",
        "web-shop",
        2,
        (
            take(6, "on call", "by chat"),
            finding(19, "on call", "Gifts are kept apart from the basket, and the new cache knows only the basket."),
            action(36, "second", "The cache is switched off for baskets with gifts."),
            mitigate(38, "second", "No cache for baskets with gifts", over=True),
            update(44, "on call", "Gifts stay in the basket again. Pages of such baskets are a little slower today."),
            resolve(150, "on call", "The cache's key does not contain everything that its content depends on."),
            section(
                300,
                "second",
                SectionKey.ROOT_CAUSE,
                "The cache keeps a basket under its number. Gifts have a table of their own, so a change of them does "
                "not change what the cache believes. Why did no test show it? Tests run without the cache.",
            ),
        ),
        minutes_ago=26 * 60,
        detection=Detection.USER_REPORT,
        by="rafael",
        declared=3,
        hurt=95,
        percent=11,
        workaround="Add the gift once more.",
    ),
    Story(
        "Newsletter links lead to the old shop address",
        "notifications",
        3,
        (
            ack(46, "on call"),
            finding(
                75, "on call", "The old address forwards, so people arrive; but the voucher in the link gets lost."
            ),
            note(190, "on call", "The template is corrected. The 40,000 that are out already stay as they are."),
        ),
        minutes_ago=20 * 60,
        detection=Detection.USER_REPORT,
        by="ingrid",
        declared=12,
        percent=3,
        workaround="Type the voucher in by hand.",
    ),
    Story(
        "Signing in fails for a third of all customers",
        "web-shop",
        2,
        (
            ack(3, "second"),
            finding(
                7, "second", "One of three session stores answers nothing; whoever is on it is signed out at once."
            ),
            severity(9, "second", 1, "A third of all customers cannot sign in. That is no longer “some”."),
            join(11, "lead"),
            note(11.5, "lead", "I command; whoever has the keyboard leads the search.", COMMANDER),
            join(12, "platform on call"),
            finding(
                15,
                "platform on call",
                "The store's machine lost its disk two minutes before the first alert.",
                OPERATIONS,
            ),
            decision(
                18, "lead", "Take the store out; its customers sign in once more and land on the other two.", COMMANDER
            ),
            phase(18, "lead", "mitigate"),
            action(24, "platform on call", "Store removed; the other two carry its share at 60 % load.", OPERATIONS),
            mitigate(26, "platform on call", "The broken session store is out of rotation", over=True),
            update(
                29,
                "lead",
                "Signing in works again for everybody. We run on two stores of three and build the third anew; "
                "next news when it is back.",
                COMMUNICATIONS,
            ),
            task(33, "lead", "Bring the third session store back", owner="platform on call"),
            task(34, "lead", "Tell customer care who was signed out, and when", role=Role.COMMUNICATIONS),
            note(41, "platform on call", "The new store copies sessions, about an hour to go.", OPERATIONS),
        ),
        minutes_ago=53,
        hurt=2,
        percent=33,
        also=("notifications",),
        alert=Signal("Sign-in success rate at 66 %", "probe-frankfurt", "error", 5, {"page": "account"}, door=1),
    ),
    Story(
        "Orders cannot be saved: the ledger refuses writes",
        "ledger-db",
        0,
        (
            take(0.9, "on call", "by phone"),
            finding(
                1.8, "on call", "Writes have failed since half a minute before the alert; reads are fine.", OPERATIONS
            ),
            join(2.1, "lead"),
            action(2.4, "lead", "P0 confirmed. I command, the bridge is open. Payments, please join.", COMMANDER),
            join(3, "payments on call"),
            join(3.3, "ingrid"),
            update(
                4,
                "ingrid",
                "For some minutes now no order has been saved. Browsing works. Platform and Payments are on it; "
                "next update in 10 minutes.",
                COMMUNICATIONS,
            ),
            finding(
                4.8,
                "on call",
                "The primary waits for the standby to confirm each write, and the standby does not answer.",
                OPERATIONS,
            ),
            task(5.2, "lead", "Find out whether any order was half saved", owner="payments on call"),
            task(5.4, "lead", "Ask the data centre about the link between the zones", owner="priya"),
            take(5.7, "payments lead", "by SMS"),
            finding(
                6.6,
                "payments on call",
                "Checkout tries again for 90 seconds, then shows an error. Nothing is charged.",
                DEVELOPMENT,
            ),
            join(7.2, "priya"),
            finding(
                8.3,
                "priya",
                "The network between the two zones drops large packets. Small ones pass, so the checks are green.",
                TECH_LEAD,
            ),
            decision(
                9.4,
                "lead",
                "Try one thing first: smaller packets on that link. If it does not help in three minutes, we "
                "stop waiting for the standby.",
                COMMANDER,
            ),
            phase(9.4, "lead", "mitigate"),
            done(9.8, "payments on call", "Find out whether any order was half saved"),
            action(
                10.3, "on call", "Packet size is set on the primary's side; watching the queue of writes.", OPERATIONS
            ),
        ),
        minutes_ago=11,
        percent=100,
        hurt=0.5,
        also=("checkout-api",),
        alert=Signal("ledger-db refuses writes", "ledger-db-primary", "fatal", 8, {"zone": "eu-1b"}),
    ),
    Story(
        "Search finds nothing for words with accents",
        "search",
        2,
        (),
        minutes_ago=2,
        percent=22,
        alert=Signal("Probe “café” found 0 products, expected 140", "search-probe-2", "error", 2, {"check": "accents"}),
    ),
)
