"""What happened in Search, which also keeps the web shop, in the last half year."""

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
    close,
    decision,
    decline,
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
from incidents.states import Detection
from postmortems.models import SectionKey

STORIES = (
    Story(
        "Search shows yesterday's stock and prices",
        "search",
        2,
        (
            ack(14, "on call"),
            finding(
                25, "on call", "The index was last built at 22:10 yesterday. The builder waits for a lock since then."
            ),
            action(38, "on call", "Removed the stale lock; a full build has begun and takes 50 minutes."),
            note(60, "on call", "The product page itself shows the right price, so nobody pays a wrong one."),
            mitigate(91, "on call", "A full build of the index", over=True),
            resolve(118, "on call", "The lock has no owner and no end: a builder that dies keeps it for ever."),
            section(
                1500,
                "on call",
                SectionKey.IMPROVEMENTS,
                "- Locks end by themselves after two builds' time (Search, done)\n- Alert when the index is older than "
                "two hours (Search, done)",
            ),
            publish(1700, "on call"),
            close(1750, "lead"),
        ),
        days_ago=170,
        clock="07:25",
        detection=Detection.INSPECTION,
        by="second",
        hurt=555,
        percent=30,
    ),
    Story(
        "Suggestions offer products that are no longer sold",
        "search",
        3,
        (
            ack(70, "on call"),
            finding(160, "on call", "Suggestions come from last season's query log, which knows nothing of stock."),
            resolve(
                1510,
                "on call",
                "The list of suggestions is made once a season and never compared with the catalogue.",
                recovered=1500,
            ),
            close(1520, "lead"),
        ),
        days_ago=150,
        clock="12:10",
        detection=Detection.USER_REPORT,
        by="ingrid",
        declared=15,
        percent=4,
    ),
    Story(
        "Some product pages answer 500",
        "web-shop",
        2,
        (
            resolve(6.5, "", recovered=6),
            note(
                52,
                "on call",
                "It was over before I had the laptop open. One instance ran out of memory and was replaced.",
            ),
            section(
                1400,
                "on call",
                SectionKey.SUMMARY,
                "One of thirty instances ran out of memory and answered 500 for six minutes, until it was replaced by "
                "itself. Nobody had to do anything. We write this down since it was the third time this month.",
            ),
            publish(1480, "on call"),
            close(1500, "lead"),
        ),
        days_ago=131,
        clock="22:48",
        percent=3,
        alert=Signal("5xx share of product pages at 3 %", "probe-lisbon", "error", 2),
    ),
    Story(
        "Home page takes 14 seconds to load",
        "web-shop",
        1,
        (
            take(7.2, "lead", "by phone"),
            note(8, "lead", "The engineer on call could not be reached. I am at the keyboard.", COMMANDER),
            finding(
                13,
                "lead",
                "The home page waits for the recommendations, and those wait for a model that is being loaded.",
                TECH_LEAD,
            ),
            join(21, "on call"),
            note(22, "on call", "My phone had no network in the train. I am here now."),
            decision(24, "lead", "Home page without recommendations until the model answers.", COMMANDER),
            phase(24, "lead", "mitigate"),
            action(29, "on call", "Recommendations are off. The home page is back at 0.9 s.", OPERATIONS),
            mitigate(30, "on call", "Home page without recommendations", over=True),
            update(
                33,
                "lead",
                "The home page is fast again, without personal recommendations. They return in the afternoon.",
                COMMUNICATIONS,
            ),
            resolve(
                322, "on call", "The home page has no limit for how long it waits for a part that it can do without."
            ),
            section(
                1420,
                "on call",
                SectionKey.ROOT_CAUSE,
                "The page waits for all of its parts. A part that is nice to have was treated like one without which "
                "there is no page.",
            ),
            section(
                1440,
                "lead",
                SectionKey.IMPROVEMENTS,
                "- Each part gets 300 ms; what is late is left out (Search, done)\n- A second contact method for "
                "everybody who is on call (all teams, done)",
            ),
            section(
                1450,
                "lead",
                SectionKey.LESSONS,
                "Paging the lead after five minutes worked as it should. The phone without a network was nobody's "
                "fault; "
                "a rota that trusts one phone is what we changed.",
            ),
            publish(1600, "lead"),
            close(4500, "lead"),
        ),
        days_ago=109,
        clock="09:17",
        hurt=6,
        percent=71,
        alert=Signal("Home page p95 above 10 s", "probe-frankfurt", "critical", 9, {"page": "home"}),
        silent_phones=("on call",),
    ),
    Story(
        "Filter by size finds nothing",
        "search",
        2,
        (
            take(8, "on call", "by chat"),
            finding(
                21, "on call", "The new catalogue feed writes sizes in capitals, the filter compares letter by letter."
            ),
            action(47, "on call", "The filter ignores letter case now; no new index is needed."),
            mitigate(49, "on call", "The filter ignores letter case", over=True),
            resolve(
                75, "on call", "Nobody owns the shape of the feed: its sender may change it without our tests knowing."
            ),
            section(
                1450,
                "on call",
                SectionKey.IMPROVEMENTS,
                "- The feed has a schema; what does not fit is refused (Search)",
            ),
            publish(1900, "on call"),
            close(2000, "lead"),
        ),
        days_ago=88,
        clock="14:38",
        detection=Detection.USER_REPORT,
        by="second",
        declared=5,
        percent=18,
        workaround="Search for the size as a word.",
    ),
    Story(
        "Basket icon covers the menu on narrow screens",
        "web-shop",
        4,
        (
            note(600, "second", "Only below 340 px. Planned for the next iteration."),
            resolve(5700, "second", "The header was never looked at on the narrowest phones."),
            close(5710, "second"),
        ),
        days_ago=69,
        clock="15:55",
        detection=Detection.USER_REPORT,
        by="sofia",
        percent=0,
    ),
    Story(
        "Error rate of the web shop above its threshold",
        "web-shop",
        1,
        (
            take(1.8, "on call", "by SMS"),
            finding(5, "on call", "All errors come from three addresses of our own load generator."),
            decline(9, "on call", "The load test of Platform, announced for this hour. No customer saw an error."),
        ),
        days_ago=48,
        clock="05:30",
        alert=Signal("5xx share of all pages at 11 %", "probe-lisbon", "critical", 3),
    ),
    Story(
        "Invoices of others open with a guessed link",
        "web-shop",
        1,
        (
            take(2.5, "on call", "by phone"),
            join(4, "lead"),
            note(5, "lead", "Kept private: only those who are needed. I command.", COMMANDER),
            finding(12, "on call", "Invoice links carry a running number and ask for no sign-in.", DEVELOPMENT),
            join(14, "helena"),
            decision(16, "lead", "Take invoice links off the net at once; customers get them on request.", COMMANDER),
            phase(16, "lead", "mitigate"),
            action(21, "on call", "Invoice links answer 404 everywhere.", OPERATIONS),
            mitigate(22, "on call", "Invoice links are switched off", over=True),
            finding(
                180,
                "on call",
                "Access log of a year read: 214 invoices were opened from 3 foreign addresses, all by the "
                "researcher who told us.",
                DEVELOPMENT,
            ),
            decision(200, "helena", "We tell the data protection authority and the 214 customers, today."),
            action(
                420, "on call", "Invoice links ask for the customer's sign-in and carry a random name.", DEVELOPMENT
            ),
            resolve(
                455,
                "lead",
                "A link that is hard to guess was taken for a lock, and then it was not even hard to guess.",
            ),
            section(
                1500,
                "lead",
                SectionKey.SUMMARY,
                "A security researcher found that invoices open without a sign-in when one counts their number up. We "
                "closed it 22 minutes after the report. 214 invoices were opened, all by the researcher.",
            ),
            publish(2600, "lead"),
            close(7000, "lead"),
        ),
        days_ago=33,
        clock="10:44",
        detection=Detection.USER_REPORT,
        by="beatriz",
        declared=1,
        percent=1,
        private=True,
    ),
    Story(
        "Search takes more than four seconds at the slow end",
        "search",
        2,
        (
            take(4, "on call"),
            finding(18, "on call", "One shard has twice the size of its neighbours since the last build."),
            action(33, "on call", "Moved the two largest brands off that shard."),
            mitigate(58, "on call", "The large shard is split", over=True),
            resolve(84, "on call", "Shards are cut by brand, and two brands make up a fifth of the catalogue."),
            section(
                1300,
                "on call",
                SectionKey.SUMMARY,
                "For an hour one search in twenty took more than four seconds, because one shard had grown to twice "
                "the "
                "size of the others.",
            ),
            close(4000, "lead"),
        ),
        days_ago=18,
        clock="17:20",
        hurt=10,
        percent=5,
        alert=Signal("Search p99 above 4 s", "search-probe-1", "error", 5),
    ),
    Story(
        "“Recently viewed” is empty for everybody",
        "web-shop",
        3,
        (
            ack(24, "on call"),
            severity(31, "on call", 4, "It is a convenience; nobody is kept from buying."),
            resolve(190, "on call", "A cookie was renamed, and the list still reads the old name.", recovered=170),
            close(195, "on call"),
        ),
        days_ago=6,
        clock="13:05",
        detection=Detection.INSPECTION,
        by="second",
        percent=100,
    ),
)
