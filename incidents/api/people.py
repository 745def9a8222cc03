"""Users and teams."""

from typing import Annotated

from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents import enrolling
from incidents.api import doors
from incidents.api.bodies import Body, Email, Name, OneLine, OneOf, Slug, person
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Access, Rank, Team, User
from incidents.refusals import Invalid

router = Router(tags=["people"])


class NewUser(Body):
    """A person to be made."""

    email: Email
    name: Annotated[OneLine, Field(max_length=120)]
    time_zone: Annotated[OneLine, Field(max_length=64)] = "UTC"
    password: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    is_admin: bool = False
    access: Annotated[str, OneOf(Access)] | None = Field(
        default=None, description="Wider or narrower than a responder; “administrator” is the same as is_admin."
    )


class Person(BaseModel):
    """A person."""

    email: str
    name: str
    time_zone: str
    access: Annotated[str, OneOf(Access)]
    is_admin: bool
    active: bool


class NewMember(Body):
    """A person's place in a team."""

    email: Email
    rank: Annotated[str, OneOf(Rank)] = Rank.ENGINEER.value
    is_manager: bool = False


class NewTeam(Body):
    """A team to be made."""

    slug: Slug
    name: Name
    time_zone: Annotated[OneLine, Field(max_length=64)] = "UTC"
    members: Annotated[list[NewMember], Field(max_length=500)] = []


class Member(BaseModel):
    """A person's place in a team."""

    email: str
    name: str
    rank: Annotated[str, OneOf(Rank)]
    is_manager: bool


class TeamShape(BaseModel):
    """A team with its people, in the order in which they joined."""

    slug: str
    name: str
    time_zone: str
    members: list[Member]


def person_shape(user: User) -> Person:
    """A person as the API shows them."""
    return Person(
        email=user.email,
        name=user.name,
        time_zone=user.time_zone,
        access=user.access,
        is_admin=user.access == Access.ADMINISTRATOR,
        active=user.is_active,
    )


def team_shape(team: Team) -> TeamShape:
    """A team as the API shows it; its memberships with their people are prefetched."""
    members = [
        Member(email=row.user.email, name=row.user.name, rank=row.rank, is_manager=row.is_manager)
        for row in sorted(team.memberships.all(), key=lambda row: row.pk)
    ]
    return TeamShape(slug=team.slug, name=team.name, time_zone=team.time_zone, members=members)


@router.post("/users", response={201: Person}, summary="Add a person")
def create_user(request: ApiRequest, said: NewUser) -> Status[Person]:
    """For administrators. Without a password the person cannot sign in until one is set."""
    doors.require_administrator(request)
    if said.is_admin and said.access not in {None, Access.ADMINISTRATOR}:
        raise Invalid("access", "An administrator has the access “administrator”.")
    access = Access.ADMINISTRATOR if said.is_admin else said.access or Access.RESPONDER
    user = enrolling.enrol(
        email=said.email, name=said.name, time_zone=said.time_zone, access=access, password=said.password
    )
    return Status(201, person_shape(user))


@router.get("/users", response=Listing[Person], summary="List the people")
def list_users(request: ApiRequest, window: Query[Window]) -> Listing[Person]:
    """In the order in which they were added, inactive people included."""
    return piece(request, User.objects.all(), window, person_shape)


@router.get("/users/{email}", response=Person, summary="Read one person")
def get_user(request: ApiRequest, email: str) -> Person:
    """Letter case does not matter."""
    return person_shape(User.objects.get(email__iexact=email))


@router.post("/teams", response={201: TeamShape}, summary="Form a team")
def create_team(request: ApiRequest, said: NewTeam) -> Status[TeamShape]:
    """For administrators. The people exist already."""
    doors.require_administrator(request)
    members = [
        (person(member.email, f"members.{place}.email"), member.rank, member.is_manager)
        for place, member in enumerate(said.members)
    ]
    team = enrolling.form_team(slug=said.slug, name=said.name, time_zone=said.time_zone, members=members)
    return Status(201, get_team(request, team.slug))


@router.get("/teams", response=Listing[TeamShape], summary="List the teams")
def list_teams(request: ApiRequest, window: Query[Window]) -> Listing[TeamShape]:
    """In the order in which they were formed."""
    return piece(request, Team.objects.prefetch_related("memberships__user"), window, team_shape)


@router.get("/teams/{slug}", response=TeamShape, summary="Read one team")
def get_team(request: ApiRequest, slug: str) -> TeamShape:
    """With its people and their ranks."""
    return team_shape(Team.objects.prefetch_related("memberships__user").get(slug=slug))
