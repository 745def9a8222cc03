"""Requests of people who have signed in, and getters that fetch and check the right."""

from django.http import Http404, HttpRequest
from django_htmx.middleware import HtmxDetails

from incidents import visibility
from incidents.models import Incident, User


class SignedInRequest(HttpRequest):
    """A request behind ``login_required``, seen by the htmx middleware."""

    user: User
    htmx: HtmxDetails


def incident_for(request: SignedInRequest, number: int) -> Incident:
    """The incident for reading.

    Raises:
        Http404: there is none, or none that this person may see.
    """
    try:
        return visibility.incident_for(request.user, number)
    except Incident.DoesNotExist as error:
        raise Http404 from error


def incident_to_act_on(request: SignedInRequest, number: int) -> Incident:
    """The incident for a deed.

    Raises:
        Http404: there is none, or none that this person may see.
        NotAllowed: the person only reads.
    """
    incident = incident_for(request, number)
    visibility.require_responder(request.user)
    return incident
