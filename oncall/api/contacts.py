"""How people can be reached. Addresses are shown to the person and to administrators alone."""

from typing import Annotated

from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents.api import doors
from incidents.api.bodies import Body, Moment, OneLine, OneOf
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Scope, User
from incidents.refusals import Invalid, NotAllowed
from oncall import contacts, probes
from oncall.models import Channel, ContactMethod

router = Router(tags=["people"])


class NewContactMethod(Body):
    """An address on a channel."""

    channel: Annotated[str, OneOf(Channel)]
    address: Annotated[OneLine, Field(max_length=200)]
    verified: bool = Field(
        default=False, description="It is known to be theirs: for administrators. Only such ones are used."
    )


class ContactMethodShape(BaseModel):
    """One way to reach a person; smaller positions go first."""

    id: int
    channel: Annotated[str, OneOf(Channel)]
    address: str
    verified: bool
    verified_at: Moment | None
    enabled: bool
    position: int


def contact_method_shape(method: ContactMethod) -> ContactMethodShape:
    """A contact method as the API shows it."""
    return ContactMethodShape(
        id=method.pk,
        channel=method.channel,
        address=method.address,
        verified=method.verified_at is not None,
        verified_at=method.verified_at,
        enabled=method.disabled_at is None,
        position=method.position,
    )


@router.post("/users/{email}/contact-methods", response={201: ContactMethodShape}, summary="Add a contact method")
def create_contact_method(request: ApiRequest, email: str, said: NewContactMethod) -> Status[ContactMethodShape]:
    """One's own, to be verified later; an administrator adds anybody's, verified or not."""
    doors.require_scope(request, Scope.WRITE)
    person = _own_or_administered(request, email)
    if said.verified:
        doors.require_administrator(request)
    method = contacts.add(person, channel=said.channel, address=said.address, verified=said.verified, at=request.at)
    return Status(201, contact_method_shape(method))


@router.get("/users/{email}/contact-methods", response=Listing[ContactMethodShape], summary="List contact methods")
def list_contact_methods(request: ApiRequest, email: str, window: Query[Window]) -> Listing[ContactMethodShape]:
    """One's own, or for administrators anybody's, in the order in which they are used."""
    person = _own_or_administered(request, email)
    return piece(request, person.contact_methods.all(), window, contact_method_shape, by=("position", "pk"))


class TypedCode(Body):
    """The code that came over the method."""

    code: Annotated[OneLine, Field(max_length=12)]


@router.post("/users/{email}/contact-methods/{number}/code", response=ContactMethodShape, summary="Send a code")
def send_code(request: ApiRequest, email: str, number: int) -> ContactMethodShape:
    """To one's own method, over itself; an earlier code is worth nothing then."""
    method = _mine(request, email, number)
    probes.send_code(method, by=request.user, at=request.at)
    return contact_method_shape(method)


@router.post("/users/{email}/contact-methods/{number}/verify", response=ContactMethodShape, summary="Verify by code")
def verify_contact_method(request: ApiRequest, email: str, number: int, said: TypedCode) -> ContactMethodShape:
    """Five tries for each code; it lasts a quarter of an hour."""
    method = _mine(request, email, number)
    if not probes.verify(method, said.code, by=request.user, at=request.at):
        raise Invalid("code", "That is not the code. Look again, or send a new one.")
    method.refresh_from_db()
    return contact_method_shape(method)


@router.post("/users/{email}/contact-methods/{number}/test", response=ContactMethodShape, summary="Send a test")
def send_test(request: ApiRequest, email: str, number: int) -> ContactMethodShape:
    """Over one's own method."""
    method = _mine(request, email, number)
    probes.send_test(method, by=request.user, at=request.at)
    return contact_method_shape(method)


@router.delete("/users/{email}/contact-methods/{number}", response={204: None}, summary="Remove a contact method")
def delete_contact_method(request: ApiRequest, email: str, number: int) -> Status[None]:
    """One's own; what waits to go out on it fails, and the next way is used."""
    contacts.remove(_mine(request, email, number), by=request.user)
    return Status(204, None)


def _mine(request: ApiRequest, email: str, number: int) -> ContactMethod:
    """A method of the person, for a deed that is the owner's alone.

    Raises:
        User.DoesNotExist, ContactMethod.DoesNotExist: there is none.
        NotAllowed: it is somebody else's affair.
    """
    doors.require_scope(request, Scope.WRITE)
    return ContactMethod.objects.get(pk=number, user=_own_or_administered(request, email))


def _own_or_administered(request: ApiRequest, email: str) -> User:
    """The person, if they are oneself or an administrator asks.

    Raises:
        User.DoesNotExist: there is no such person.
        NotAllowed: it is somebody else's affair.
    """
    person = User.objects.get(email__iexact=email)
    if not doors.is_themselves_or_administrator(request, person):
        raise NotAllowed("Contact methods are for the person and for administrators with an admin token.")
    return person
