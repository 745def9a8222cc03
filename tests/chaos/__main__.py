"""``python -m tests.chaos [--quick] [--only FAULT …] [--list]``: inject each fault, print what was lost.

Exit code 1 when a page or message was lost, or doubled beside no recorded lease expiry or failed try.
"""

import argparse
import signal
import sys
import time

from tests.chaos import outside  # noqa: F401  (it registers its faults)
from tests.chaos.faults import FAULTS, Scale, Told
from tests.chaos.house import GRACE, House, Ledger
from tests.chaos.rig import Rig

QUICK = (
    "none",
    "kill-after-claim",
    "kill-after-provider",
    "kill-before-commit-of-pages",
    "broker-flushed",
    "postgres-away",
    "deadlocks",
    "acknowledged-at-the-tick",
    "poison",
    "old-worker",
)
ELSEWHERE = """\
What one machine and one run cannot produce, and where it is tested instead:
  the database's clock back 10 minutes or forward 2 hours   tests/oncall/test_engine_properties.py (time is an argument)
  daylight-saving both ways                                 tests/oncall/test_rota.py, test_ladder.py
  a person leaves, a method goes, between level and send    tests/oncall/test_sending.py, test_engine_properties.py
  policy, level or schedule deleted during a run            tests/oncall/test_ladder.py, test_options.py
  callbacks late, twice, out of order, or never             tests/oncall/test_twilio.py
  a network that parts two machines                         not tested: the database is the only meeting point
  RabbitMQ as the broker                                    not here: this run brings its own Valkey"""
COLUMNS = (("times", 6), ("wanted", 6), ("made", 6), ("lost", 5), ("doubled", 7), ("again", 6), ("noted", 6))
LATE = ("row late", "sent late")
HEAD = " ".join([f"{'fault':56}", *(f"{word:>{width}}" for word, width in COLUMNS), *(f"{word:>9}" for word in LATE)])
LEGEND = f"""\
again = messages that came again; noted = lease expiries and failed tries on record; late = seconds from when it was due
to the page row, and to the message; ! = a row more than {GRACE:.0f} s later than the fault was long, or a message later
than the fault, a lease and its retries explain."""


def main() -> int:
    """Break, count, tell."""
    told = _words()
    if told.list:
        print("\n".join(f"{name:26} {words}" for name, (words, _) in FAULTS.items()))
        return 0
    unknown = set(told.only) - set(FAULTS)
    if unknown:
        raise SystemExit(f"There is no fault {', '.join(sorted(unknown))}; --list names them.")
    names = told.only or (QUICK if told.quick else list(FAULTS))
    scale = Scale(10, 2, 5.0, True) if told.quick else Scale(40, 5, told.away, False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the end is tidy
    rig = Rig()
    house = House(rig)
    began = time.monotonic()
    try:
        rig.open()
        house.furnish()
        print(HEAD, flush=True)
        bad = [name for place, name in enumerate(names) if not _try(house, scale, name, place)]
    finally:
        house.close()
        rig.close()
    print(f"\n{len(names)} faults in {time.monotonic() - began:.0f} s. ", end="")
    print(f"LOST OR DOUBLED: {', '.join(bad)}" if bad else "Nothing was lost, nothing came twice unaccounted for.")
    print(LEGEND)
    print(ELSEWHERE)
    return 1 if bad else 0


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the ten most telling faults, gently: about two minutes")
    parser.add_argument("--only", action="append", default=[], metavar="FAULT", help="this one; may be repeated")
    parser.add_argument("--away", type=float, default=30.0, help="seconds that broker and provider are away (30)")
    parser.add_argument("--list", action="store_true", help="name the faults")
    return parser.parse_args()


def _try(house: House, scale: Scale, name: str, place: int) -> bool:
    """Inject one fault and print its line; tell whether all is well."""
    words, do = FAULTS[name]
    told = do(house, scale, f"f{place:02}x")
    house.settle(told.batch, 60 + told.length + told.waits)
    ledger = house.count(told.batch)
    lost = ledger.lost + ledger.unsent + told.extra_lost
    well = lost == 0 and ledger.doubled == 0 and ledger.unaccounted == 0
    print(_line(words, told, ledger, lost), flush=True)
    if not well:
        print(f"{'':4}not well: {ledger}\n{house.rig.tail()[-1500:]}", flush=True)
    return well


def _line(words: str, told: Told, ledger: Ledger, lost: int) -> str:
    row, sent = ledger.page_late, ledger.message_late
    marks = ("!" if row > told.length + GRACE else " ", "!" if sent > told.length + told.waits + GRACE else " ")
    line = (
        f"{words:56} {told.times:6} {ledger.wanted:6} {ledger.made:6} {lost:5} {ledger.doubled:7} {ledger.repeated:6} "
        f"{ledger.expiries:6} {row:8.2f}{marks[0]} {sent:8.2f}{marks[1]}"
    )
    return f"{line}\n{'':4}{told.note}" if told.note else line


if __name__ == "__main__":
    sys.exit(main())
