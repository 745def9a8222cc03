"""People and teams come in."""

from collections.abc import Sequence

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from incidents.models import Access, Membership, Rank, Team, User
from incidents.refusals import Invalid


@transaction.atomic
def enrol(
    *, email: str, name: str, time_zone: str = "UTC", access: str = Access.RESPONDER, password: str | None = None
) -> User:
    """Make a person's account; without a password they cannot sign in until one is set.

    Raises:
        Invalid: somebody has the address, or the password is easy to guess.
        ValidationError: one of the values cannot be right.
    """
    if User.objects.filter(email__iexact=email).exists():
        raise Invalid("email", "Somebody has this e-mail address already.")
    person = User(email=User.objects.normalize_email(email).lower(), name=name, time_zone=time_zone, access=access)
    if password is not None:
        try:
            validate_password(password, person)
        except ValidationError as refused:
            raise Invalid("password", " ".join(refused.messages)) from None
    person.set_password(password)
    person.full_clean()
    person.save(force_insert=True)
    return person


@transaction.atomic
def form_team(*, slug: str, name: str, time_zone: str = "UTC", members: Sequence[tuple[User, str, bool]] = ()) -> Team:
    """Make a team of people, each with a rank and whether they manage it.

    Raises:
        Invalid: a person is named twice.
        ValidationError: one of the values cannot be right.
    """
    team = Team(slug=slug, name=name, time_zone=time_zone)
    team.full_clean()
    team.save(force_insert=True)
    if len({person.pk for person, _, _ in members}) < len(members):
        raise Invalid("members", "Name each person once.")
    for person, rank, manages in members:
        Membership.objects.create(team=team, user=person, rank=Rank(rank), is_manager=manages)
    return team
