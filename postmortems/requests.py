"""Getters that fetch a postmortem and check the right."""

from datetime import datetime

from django.http import Http404

from incidents.models import Incident
from incidents.requests import SignedInRequest
from incidents.visibility import require_responder
from postmortems import library, worklist
from postmortems.library import Standing
from postmortems.models import ActionItem, Comment, Section, Why


def standing_for(request: SignedInRequest, number: int, at: datetime) -> Standing:
    """The postmortem of an incident, for reading.

    Raises:
        Http404: there is none, or none that this person may see.
    """
    document = library.visible_to(request.user, at).filter(incident__number=number).first()
    if document is None:
        raise Http404
    return library.standing(document)


def section_to_write(request: SignedInRequest, number: int, key: str, at: datetime) -> tuple[Standing, Section]:
    """One of its sections, for writing.

    Raises:
        Http404: there is no such postmortem or section, or none that this person may see.
        NotAllowed: the person only reads.
    """
    standing = standing_for(request, number, at)
    require_responder(request.user)
    section = Section.objects.filter(postmortem=standing.document, key=key).select_related("edited_by").first()
    if section is None:
        raise Http404
    return standing, section


def standing_to_write(request: SignedInRequest, number: int, at: datetime) -> Standing:
    """The postmortem of an incident, for a deed.

    Raises:
        Http404: there is none, or none that this person may see.
        NotAllowed: the person only reads.
    """
    standing = standing_for(request, number, at)
    require_responder(request.user)
    return standing


def why_to_write(request: SignedInRequest, number: int, pk: int, at: datetime) -> tuple[Standing, Why]:
    """One of its whys, removed ones included, for a deed.

    Raises:
        Http404: there is no such postmortem or why, or none that this person may see.
        NotAllowed: the person only reads.
    """
    standing = standing_to_write(request, number, at)
    why = Why.objects.filter(postmortem=standing.document, pk=pk).select_related("postmortem").first()
    if why is None:
        raise Http404
    return standing, why


def action_for(request: SignedInRequest, pk: int) -> ActionItem:
    """An action item, for reading.

    Raises:
        Http404: there is none, or none that this person may see.
    """
    item = worklist.visible_to(request.user).filter(pk=pk).first()
    if item is None:
        raise Http404
    return item


def comment_to_write(request: SignedInRequest, pk: int) -> Comment:
    """A comment, for an answer or a deed.

    Raises:
        Http404: there is none, or none that this person may see.
        NotAllowed: the person only reads.
    """
    rows = Comment.objects.filter(incident__in=Incident.objects.visible_to(request.user))
    comment = rows.select_related("incident__severity", "incident__service").filter(pk=pk).first()
    if comment is None:
        raise Http404
    require_responder(request.user)
    return comment
