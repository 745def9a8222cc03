"""What happened in Payments in the last half year."""

from config.demo.story import (
    COMMANDER,
    COMMUNICATIONS,
    OPERATIONS,
    TECH_LEAD,
    Signal,
    Story,
    ack,
    action,
    close,
    decision,
    finding,
    join,
    mitigate,
    note,
    phase,
    publish,
    reopen,
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
        "Card payments time out at the acquirer",
        "checkout-api",
        1,
        (
            take(2.4, "on call"),
            finding(5, "on call", "Calls to the acquirer take 30 s and then fail. Our side looks healthy."),
            join(6, "lead"),
            note(7, "lead", "I take command. Tech lead is the engineer on call.", COMMANDER),
            finding(
                11, "on call", "Their status page is green, but 3 of 4 of their addresses do not answer.", TECH_LEAD
            ),
            decision(
                13, "lead", "Send everything to the second acquirer until the first one answers again.", COMMANDER
            ),
            phase(13, "lead", "mitigate"),
            action(17, "on call", "Routing weight of the first acquirer is 0.", TECH_LEAD),
            mitigate(19, "on call", "All card payments go to the second acquirer", over=True),
            update(
                21,
                "ingrid",
                "Payments work again through our second acquirer. Fees are higher, nothing else changes.",
                COMMUNICATIONS,
            ),
            severity(24, "lead", 2, "Payments work; what is left is the way back to the first acquirer."),
            note(150, "on call", "They confirm a broken router on their side, repaired at 11:20 UTC."),
            resolve(
                205,
                "on call",
                "A network fault at the acquirer. Our client kept trying dead addresses for 30 s each, "
                "so that one partner's fault became ours.",
            ),
            section(
                1490,
                "lead",
                SectionKey.IMPROVEMENTS,
                "- Give up on an address after 2 s and remember it for a minute (Payments, done)\n"
                "- Switch acquirers by itself when the failure rate passes 20 % (Payments, this quarter)",
            ),
            section(
                1500,
                "lead",
                SectionKey.LESSONS,
                "The second acquirer took the whole load without a rehearsal. We were lucky: from now on it gets "
                "a tenth of the traffic every day.",
            ),
            publish(1530, "lead"),
            close(4400, "lead"),
        ),
        days_ago=176,
        clock="08:41",
        hurt=3,
        percent=62,
        alert=Signal("Acquirer timeouts above 50 % for 2 minutes", "checkout-api", "critical", 4),
    ),
    Story(
        "Refund e-mails show the amount without a currency",
        "refunds",
        4,
        (
            note(190, "on call", "The template lost the variable in the redesign. The refund itself is right."),
            action(1560, "on call", "The template is corrected and sent to ourselves in all nine languages."),
            resolve(
                1575, "on call", "The preview of templates uses a sample with a fixed text instead of real fields."
            ),
            close(1580, "on call"),
        ),
        days_ago=161,
        clock="10:05",
        detection=Detection.USER_REPORT,
        by="ingrid",
        declared=25,
        percent=0,
    ),
    Story(
        "Refund batch stops after its first thousand",
        "refunds",
        2,
        (
            take(9, "on call", "by chat"),
            finding(
                16, "on call", "The batch ends with an error on a refund whose order was deleted by a privacy request."
            ),
            action(31, "on call", "Skipped that one refund by hand; the batch runs on from where it stopped."),
            mitigate(33, "on call", "The batch skips refunds whose order is gone"),
            note(58, "on call", "22,400 of 22,401 refunds are out. The last one was paid by hand.", happened=52),
            resolve(612, "on call", "The batch treats one bad row as the end of all rows.", recovered=52),
            section(
                1800,
                "on call",
                SectionKey.IMPROVEMENTS,
                "- A row that fails is set aside and reported; the batch goes on (Payments, done)",
            ),
            publish(2100, "on call"),
            close(2160, "lead"),
        ),
        days_ago=143,
        clock="00:47",
        percent=20,
        alert=Signal("Night batch ended with exit code 1", "batch-runner-1", "error", 1, {"job": "refunds-night"}),
    ),
    Story(
        "Wallet payments are refused after the certificate change",
        "checkout-api",
        1,
        (
            take(6.5, "on call", "by phone"),
            finding(
                8, "on call", "Only wallets fail, cards work: 23 % of payments. It began with last night's certificate."
            ),
            join(9, "second"),
            update(
                14,
                "on call",
                "Paying by wallet fails for everybody; cards work. We put the former certificate back.",
                COMMUNICATIONS,
            ),
            action(22, "second", "The former certificate is back in two of three regions.", OPERATIONS),
            mitigate(27, "second", "Former merchant certificate restored", over=True),
            resolve(
                64,
                "on call",
                not_yet="We do not know yet why the new certificate is refused; the old one lasts nine days.",
            ),
            reopen(
                171, "second", "The third region took the new certificate again from its own cache. Wallets fail there."
            ),
            finding(
                180, "second", "One region reads certificates from a bucket of its own that nobody updates by hand."
            ),
            action(
                188, "second", "Bucket corrected, caches emptied, all regions checked with a real wallet.", OPERATIONS
            ),
            mitigate(190, "second", "All regions use the former certificate", over=True),
            note(
                420, "ingrid", "The wallet provider confirms: the new certificate was never registered on their side."
            ),
            resolve(
                455,
                "on call",
                "Changing the certificate needs a step at the provider that our runbook did not name, and "
                "one region keeps a copy of its own that no check compares.",
            ),
            section(
                1900,
                "on call",
                SectionKey.ROOT_CAUSE,
                "Two causes. The runbook ended at our own border: the step at the provider lived in one mailbox. And a "
                "region with a copy of its own is a difference that nothing shows.",
            ),
            section(
                1925,
                "on call",
                SectionKey.LESSONS,
                "We resolved too early. “Works in two regions” is not “works”: the check now asks each region.",
            ),
            publish(2500, "lead"),
            close(4320, "lead"),
        ),
        days_ago=121,
        clock="06:12",
        detection=Detection.USER_REPORT,
        by="ingrid",
        declared=4,
        hurt=38,
        percent=23,
        workaround="Pay by card or by invoice.",
    ),
    Story(
        "Voucher codes can be used twice",
        "checkout-api",
        2,
        (
            ack(11, "on call"),
            finding(
                40, "on call", "Two orders within the same second both see the voucher unused. 31 orders since Monday."
            ),
            decision(
                55, "lead", "Vouchers above 50 EUR are switched off until this is fixed; small ones stay.", COMMANDER
            ),
            mitigate(62, "on call", "Large vouchers are switched off"),
            action(318, "on call", "Fix is live: the voucher row is locked before it is read."),
            resolve(335, "on call", "Read, decide, write, without holding the row in between.", recovered=318),
            publish(1770, "on call"),
            close(1800, "lead"),
        ),
        days_ago=98,
        clock="13:20",
        detection=Detection.INSPECTION,
        by="ingrid",
        percent=1,
        workaround="Customer care cancels the second order.",
    ),
    Story(
        "Refunds above 1,000 EUR fail validation",
        "refunds",
        3,
        (
            ack(35, "on call"),
            finding(80, "on call", "The new validation reads “1,000.00” as one."),
            severity(95, "on call", 2, "17 customers wait for money, two of them asked for a lawyer's address."),
            mitigate(130, "on call", "Validation of large amounts is done by hand by customer care"),
            resolve(305, "on call", "Amounts travel as text and are read anew by each service.", recovered=290),
            section(
                1700, "on call", SectionKey.IMPROVEMENTS, "- Amounts travel as minor units, a whole number (Payments)"
            ),
            publish(2300, "lead"),
            close(2900, "lead"),
        ),
        days_ago=41,
        clock="11:15",
        detection=Detection.USER_REPORT,
        by="ingrid",
        declared=10,
        percent=2,
        workaround="Customer care enters the refund by hand.",
    ),
    Story(
        "Order confirmations come late and customers pay twice",
        "checkout-api",
        2,
        (
            take(6, "on call"),
            finding(
                14, "on call", "Confirmations wait 12 minutes in the queue. People see no confirmation and order again."
            ),
            severity(19, "on call", 1, "140 double payments in 20 minutes: that is real money, not a delay."),
            join(22, "lead"),
            note(23, "lead", "I command from here.", COMMANDER),
            decision(
                26, "lead", "Show “your order is in” on the page itself, without waiting for the mail.", COMMANDER
            ),
            action(
                41,
                "on call",
                "The page shows the order number at once, behind the flag that we had for tests.",
                TECH_LEAD,
            ),
            mitigate(44, "on call", "Order number is shown at once", over=True),
            update(
                47,
                "ingrid",
                "Late confirmations led to double orders. It has stopped; we pay back 163 double payments today.",
                COMMUNICATIONS,
            ),
            resolve(
                240, "on call", "The page promised a mail as the only proof of an order, and mail is never instant."
            ),
            section(
                1500,
                "lead",
                SectionKey.LESSONS,
                "A slow side road became a P1 because the main road pointed to it. We look for other pages that say "
                "“check your mail”.",
            ),
            publish(1900, "lead"),
            close(3000, "lead"),
        ),
        days_ago=24,
        clock="16:02",
        percent=9,
        also=("notifications",),
        alert=Signal("Oldest order confirmation waits 10 minutes", "queue-monitor", "error", 3),
    ),
    Story(
        "Monthly refund report misses one day",
        "refunds",
        3,
        (
            ack(50, "on call"),
            finding(
                140,
                "on call",
                "The report cuts days by UTC, the ledger by Warsaw. The last two hours fall between them.",
            ),
            resolve(395, "on call", "Two services have two ideas of when a day ends.", recovered=380),
            close(400, "on call"),
        ),
        days_ago=11,
        clock="08:30",
        detection=Detection.INSPECTION,
        by="lead",
        percent=0,
    ),
)
