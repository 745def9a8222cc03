"""The people of Larkfield, their teams, and how they are reached. Every number and address is of a reserved range."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.contrib.auth.hashers import make_password

from config.demo import ADMINISTRATOR, DEMO_PASSWORD, ORGANISATION
from incidents.models import Access, Membership, Organisation, Rank, Team, User
from oncall.models import Channel, ContactMethod


@dataclass(frozen=True)
class Person:
    """One of Larkfield's people. ``places`` are (team, rank); a lead manages the team."""

    key: str
    name: str
    time_zone: str
    places: tuple[tuple[str, str], ...] = ()
    access: str = Access.RESPONDER


@dataclass(frozen=True)
class TeamPlan:
    """A team, the clock it works by, and who is paged when nobody else can be."""

    slug: str
    name: str
    time_zone: str
    business_start: time
    business_end: time
    fallback: str


TEAMS = (
    TeamPlan("payments", "Payments", "Europe/Warsaw", time(9), time(17), "wanjiru"),
    TeamPlan("search", "Search", "Europe/Lisbon", time(9), time(18), "rafael"),
    TeamPlan("platform", "Platform", "America/New_York", time(8, 30), time(17), "amara"),
)
EVERYWHERE = ("payments", "search", "platform")
PEOPLE = (
    Person("nour", "Nour El-Masry", "Africa/Cairo", (("payments", Rank.ENGINEER),)),
    Person("tomasz", "Tomasz Wilk", "Europe/Warsaw", (("payments", Rank.ENGINEER),)),
    Person("haneul", "Seo Haneul", "Asia/Seoul", (("payments", Rank.ENGINEER),)),
    Person("wanjiru", "Wanjiru Kamau", "Africa/Nairobi", (("payments", Rank.LEAD),)),
    Person("ingrid", "Ingrid Solheim", "Europe/Oslo", (("payments", Rank.EXPERT),)),
    Person("admin", "Mika Lindqvist", "Europe/Stockholm", (("search", Rank.ENGINEER),), Access.ADMINISTRATOR),
    Person("beatriz", "Beatriz Moura", "Europe/Lisbon", (("search", Rank.ENGINEER),)),
    Person("arjun", "Arjun Nair", "Asia/Kolkata", (("search", Rank.ENGINEER),)),
    Person("rafael", "Rafael Teixeira", "America/Sao_Paulo", (("search", Rank.LEAD),)),
    Person("grace", "Grace Whitcombe", "America/New_York", (("platform", Rank.ENGINEER),)),
    Person("tane", "Tāne Rewiti", "Pacific/Auckland", (("platform", Rank.ENGINEER),)),
    Person("lukas", "Lukas Brandt", "Europe/Berlin", (("platform", Rank.ENGINEER),)),
    Person("amara", "Amara Diallo", "Africa/Dakar", (("platform", Rank.LEAD),)),
    Person("priya", "Priya Raghavan", "Asia/Kolkata", (("platform", Rank.EXPERT),)),
    Person("helena", "Helena Nováková", "Europe/Prague", tuple((team, Rank.DIRECTOR) for team in EVERYWHERE)),
    Person("marcus", "Marcus Oyelaran", "America/Chicago", tuple((team, Rank.EXECUTIVE) for team in EVERYWHERE)),
    Person("sofia", "Sofía Rivas", "America/Mexico_City", access=Access.VIEWER),
)
FALLBACK = "amara"
VERIFIED = timedelta(days=40)  # how long ago the contact methods were verified


def address_of(key: str) -> str:
    """The e-mail address of a demo person."""
    return ADMINISTRATOR if key == "admin" else f"{key}@example.com"


def enrol(now: datetime) -> dict[str, User]:
    """Make everybody with their contact methods, and name the organisation; returns the people by key."""
    secret = make_password(DEMO_PASSWORD)  # hashed once: it takes most of the time of seventeen
    rows = [
        User(email=address_of(one.key), name=one.name, time_zone=one.time_zone, access=one.access, password=secret)
        for one in PEOPLE
    ]
    people = dict(zip((one.key for one in PEOPLE), User.objects.bulk_create(rows), strict=True))
    ContactMethod.objects.bulk_create(
        method
        for number, (key, user) in enumerate(people.items(), start=1)
        for method in contact_methods(key, user, number, now)
    )
    Organisation.objects.filter(pk=1).update(name=ORGANISATION, fallback=people[FALLBACK])
    return people


def contact_methods(key: str, user: User, number: int, now: datetime) -> list[ContactMethod]:
    """Phone, SMS, chat and e-mail; the numbers are those that North America keeps for fiction (555-0100 to 0199)."""
    phone = f"+1202555{100 + number:04d}"
    ways = [
        (Channel.VOICE, phone),
        (Channel.SMS, phone),
        (Channel.CHAT, f"@{key}"),
        (Channel.EMAIL, address_of(key)),
    ]
    return [
        ContactMethod(user=user, channel=channel, address=address, position=position, verified_at=now - VERIFIED)
        for position, (channel, address) in enumerate(ways)
    ]


def form_teams(people: dict[str, User]) -> dict[str, Team]:
    """Make the teams with their ranks; returns them by slug."""
    teams = {
        plan.slug: Team.objects.create(
            slug=plan.slug,
            name=plan.name,
            time_zone=plan.time_zone,
            business_start=plan.business_start,
            business_end=plan.business_end,
            fallback=people[plan.fallback],
        )
        for plan in TEAMS
    }
    Membership.objects.bulk_create(
        Membership(team=teams[team], user=people[one.key], rank=rank, is_manager=rank == Rank.LEAD)
        for one in PEOPLE
        for team, rank in one.places
    )
    return teams
