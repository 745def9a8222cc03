from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from oncall import rota
from oncall.rota import Layer, Schedule

NEW_YORK = ZoneInfo("America/New_York")


def daily(**changes):
    given = {"id": 1, "name": "Primary", "priority": 1, "time_zone": "America/New_York", "unit": "day", "length": 1}
    return Layer(**(given | {"anchor": datetime(2025, 1, 1, 9), "slots": ((1,), (2,), (3,))} | changes))


def test_o45_a_daily_handoff_keeps_its_local_hour_on_both_clock_changes():
    schedule = Schedule(1, "America/New_York", (daily(),))
    for day in (datetime(2025, 3, 8, tzinfo=NEW_YORK), datetime(2025, 11, 1, tzinfo=NEW_YORK)):
        pieces = rota.final(schedule, day, day + timedelta(days=3))

        assert [piece.start.astimezone(NEW_YORK).hour for piece in pieces[1:]] == [9, 9, 9]
        assert rota.gaps(pieces) == ()


def test_on_call_says_until_when():
    at = datetime(2025, 3, 8, 15, tzinfo=UTC)

    (person,) = rota.on_call(Schedule(1, "UTC", (daily(),)), at)

    assert (person.layer_name, person.until) == ("Primary", datetime(2025, 3, 9, 13, tzinfo=UTC))
