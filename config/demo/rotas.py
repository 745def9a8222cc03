"""Who is on call at Larkfield: weekly turns in each team, a second line, and a watch that follows the sun."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from incidents.models import Team, User
from oncall.models import Layer, LayerPerson, Override, OverrideKind, Restriction, Schedule, Unit

# The first of each is on call now.
PRIMARIES = {
    "payments": ("nour", "tomasz", "haneul"),
    "search": ("admin", "beatriz", "arjun"),
    "platform": ("grace", "tane", "lukas"),
}
ROUNDS_BEFORE = 10  # full rounds of turns before the present one: the anchor lies 30 weeks back
FIRST_MONDAY = date(2026, 1, 5)
HANDOFF = time(9)  # Monday, on the team's clock

# person, zone, start and end on that zone's clock, priority: the windows overlap, so that no clock change opens a hole
SUN = (
    ("tane", "Pacific/Auckland", time(7), time(17), 3),
    ("priya", "Asia/Kolkata", time(8), time(18), 2),
    ("lukas", "Europe/Berlin", time(8), time(18), 1),
    ("grace", "America/New_York", time(9), time(17), 0),
)


def turn_began(zone: str, now: datetime) -> datetime:
    """The last Monday's handoff before now, on the zone's wall clock (naive)."""
    wall = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    handoff = datetime.combine(wall.date() - timedelta(days=wall.weekday()), HANDOFF)
    return handoff if handoff <= wall else handoff - timedelta(weeks=1)


def build(teams: dict[str, Team], people: dict[str, User], now: datetime) -> dict[str, Schedule]:
    """Make the schedules; returns the primaries by the team's slug."""
    primaries = {slug: _primary(teams[slug], keys, people, now) for slug, keys in PRIMARIES.items()}
    _second_line(teams["payments"], people, now)
    _sun_watch(teams["platform"], people)
    _family_day(primaries["payments"], people, now)
    return primaries


def _primary(team: Team, keys: tuple[str, ...], people: dict[str, User], now: datetime) -> Schedule:
    schedule = Schedule.objects.create(
        slug=f"{team.slug}-primary", name=f"{team.name} primary", team=team, time_zone=team.time_zone
    )
    anchor = turn_began(team.time_zone, now) - timedelta(weeks=len(keys) * ROUNDS_BEFORE)
    _layer(schedule, "Weekly", [people[key] for key in keys], anchor=anchor)
    return schedule


def _second_line(team: Team, people: dict[str, User], now: datetime) -> None:
    """A second line with a hole of a day in the next week: its two versions do not meet."""
    schedule = Schedule.objects.create(
        slug=f"{team.slug}-secondary",
        name=f"{team.name} second line",
        team=team,
        time_zone=team.time_zone,
        answers_for_team=False,
    )
    began = turn_began(team.time_zone, now)
    anchor = began - timedelta(weeks=20)
    ends = (began + timedelta(days=9)).replace(tzinfo=ZoneInfo(team.time_zone)).astimezone(UTC)
    old = _layer(schedule, "Second line", [people["tomasz"], people["wanjiru"]], anchor=anchor)
    old.effective_until = ends
    old.save(update_fields=["effective_until"])
    new = _layer(schedule, "Second line, new order", [people["wanjiru"], people["haneul"]], anchor=anchor)
    new.effective_from = ends + timedelta(days=1)
    new.save(update_fields=["effective_from"])


def _sun_watch(team: Team, people: dict[str, User]) -> None:
    """A watch in four windows of ten hours, each on its own clock; it pages nobody unless a policy names it."""
    schedule = Schedule.objects.create(
        slug=f"{team.slug}-sun-watch",
        name=f"{team.name} sun watch",
        team=team,
        time_zone="UTC",
        answers_for_team=False,
    )
    for key, zone, start, end, priority in SUN:
        city = zone.partition("/")[2].replace("_", " ")
        layer = _layer(
            schedule,
            f"Day in {city}",
            [people[key]],
            anchor=datetime.combine(FIRST_MONDAY, start),
            zone=zone,
            priority=priority,
        )
        Restriction.objects.bulk_create(
            Restriction(layer=layer, weekday=weekday, start=start, end=end) for weekday in range(7)
        )


def _family_day(schedule: Schedule, people: dict[str, User], now: datetime) -> None:
    """Somebody steps in for two days of the next turn, which Tomasz has."""
    zone = ZoneInfo(schedule.time_zone)
    began = turn_began(schedule.time_zone, now) + timedelta(days=8)
    Override.objects.create(
        schedule=schedule,
        start=began.replace(tzinfo=zone).astimezone(UTC),
        end=(began + timedelta(days=2)).replace(tzinfo=zone).astimezone(UTC),
        kind=OverrideKind.REPLACE,
        person=people["haneul"],
        replaces=people["tomasz"],
        by=people["wanjiru"],
        reason="Tomasz moves house; Haneul steps in.",
    )


def _layer(
    schedule: Schedule, name: str, people: list[User], *, anchor: datetime, zone: str = "", priority: int = 0
) -> Layer:
    layer = Layer.objects.create(
        schedule=schedule,
        name=name,
        priority=priority,
        time_zone=zone or schedule.time_zone,
        anchor=anchor.isoformat(timespec="minutes"),
        unit=Unit.WEEK,
        length=1,
    )
    LayerPerson.objects.bulk_create(
        LayerPerson(layer=layer, slot=slot, user=user) for slot, user in enumerate(people, start=1)
    )
    return layer
