"""Which postmortem a caller means, and whether they may write it."""

from incidents import visibility
from incidents.api import doors
from incidents.api.doors import ApiRequest
from incidents.models import Scope
from postmortems import library
from postmortems.models import Postmortem


def postmortem(request: ApiRequest, number: int) -> Postmortem:
    """The postmortem of an incident, for reading.

    Raises:
        Postmortem.DoesNotExist: there is none, or none that this person may see.
    """
    return library.visible_to(request.user, request.at).get(incident__number=number)


def postmortem_to_write(request: ApiRequest, number: int) -> Postmortem:
    """The postmortem of an incident, for a deed.

    Raises:
        Postmortem.DoesNotExist: there is none, or none that this person may see.
        NotAllowed: the person only reads, or the token does.
    """
    doors.require_scope(request, Scope.WRITE)
    document = postmortem(request, number)
    visibility.require_responder(request.user)
    return document
