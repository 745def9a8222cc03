"""The document: its sections, and one of them written. No save overwrites another."""

from typing import Annotated
from urllib.parse import urlencode

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from incidents import visibility
from incidents.api.bodies import Body, Moment, OneOf
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, whole
from incidents.api.problems import MEDIA_TYPE, Problem
from postmortems import editing, finding, recurring
from postmortems.api.doors import postmortem, postmortem_to_write
from postmortems.models import DocumentStatus, Postmortem, Section, SectionKey

router = Router(tags=["postmortems"])


class SectionShape(BaseModel):
    """One of the six sections."""

    key: Annotated[str, OneOf(SectionKey)]
    title: str
    text: str = Field(description="Markdown.")
    version: int
    edited_by: str | None = Field(description="Empty: filled in from the incident.")
    edited_at: Moment


class PostmortemShape(BaseModel):
    """What a team learned from one incident."""

    incident: int
    ref: str
    status: Annotated[str, OneOf(DocumentStatus)]
    owner: str | None
    due_at: Moment
    published_at: Moment | None
    sections: list[SectionShape]


class ShelfShape(BaseModel):
    """A postmortem in a list."""

    incident: int
    ref: str
    title: str
    service: str
    severity: str
    status: Annotated[str, OneOf(DocumentStatus)]
    published_at: Moment | None
    root_causes: list[str]
    open_actions: int
    excerpt: str = Field(description="Words around the first hit, which ⟦ and ⟧ enclose.")


class Looked(BaseModel):
    """What is looked for; empty = everything."""

    q: str = Field(default="", max_length=200, description="“Quotes” keep words together, a minus leaves one out.")
    service: str = Field(default="", max_length=80)
    team: str = Field(default="", max_length=80)
    severity: str = Field(default="", pattern="^([Pp]?[0-4])?$")
    category: str = Field(default="", max_length=20, description="Of a root cause.")
    status: str = Field(default="", max_length=20)
    drills: bool = False
    page: int = Field(default=1, ge=1, le=10_000)
    limit: int = Field(default=50, ge=1, le=200)


class BeforeShape(BaseModel):
    """An incident of the past that was much alike."""

    incident: int
    ref: str
    title: str
    mitigation: str
    root_causes: list[str]
    open_actions: list[int]


class Writing(Body):
    """A section as it is to be."""

    text: str = Field(description="Markdown, at most 100,000 characters.")
    version: int = Field(ge=1, description="The one from which the writing began.")


class ConflictShape(Problem):
    """Somebody else saved meanwhile: read their text, bring both together, send the result with their version."""

    theirs: SectionShape
    base: str = Field(description="The text of the version that you named.")
    merged: str | None = Field(description="Both texts brought together, where they do not contradict each other.")


def section_shape(section: Section) -> SectionShape:
    """A section; its writer is loaded."""
    return SectionShape(
        key=section.key,
        title=section.get_key_display(),
        text=section.text,
        version=section.version,
        edited_by=section.edited_by.email if section.edited_by else None,
        edited_at=section.edited_at,
    )


@router.get("/postmortems", response=Listing[ShelfShape], summary="Search the library")
def search_postmortems(request: ApiRequest, looked: Query[Looked]) -> Listing[ShelfShape]:
    """The best first where there are words, else the newest (8 queries). ``next`` leads to the following page."""
    said = looked.model_dump(exclude={"page", "limit"}) | {"severity": looked.severity[-1:]}
    said["q"] = said["q"].replace("\0", "")
    keys = finding.find(request.user, finding.Wanted(**said)).keys
    start = (looked.page - 1) * looked.limit
    shown = finding.hits(keys[start : start + looked.limit], said["q"])
    query = {**request.GET.dict(), "page": looked.page + 1}
    more = (
        request.build_absolute_uri(f"{request.path}?{urlencode(query)}") if len(keys) > start + looked.limit else None
    )
    return Listing(items=[_shelf(hit) for hit in shown], next=more)


def _shelf(hit: finding.Hit) -> ShelfShape:
    return ShelfShape(
        incident=hit.incident.number,
        ref=hit.incident.ref,
        title=hit.incident.title,
        service=hit.incident.service.slug,
        severity=hit.incident.severity.label,
        status=hit.document.status,
        published_at=hit.document.published_at,
        root_causes=[why.answer for why in hit.causes],
        open_actions=hit.open_actions,
        excerpt=hit.excerpt,
    )


@router.get("/incidents/{int:number}/before", response=Listing[BeforeShape], summary="What happened before")
def list_before(request: ApiRequest, number: int) -> Listing[BeforeShape]:
    """Incidents that are over and were much alike, with what ended them and what caused them."""
    incident = visibility.incident_for(request.user, number)
    known = recurring.alike(request.user, incident.title, incident.service, but=incident)
    return whole(
        [
            BeforeShape(
                incident=one.incident.number,
                ref=one.incident.ref,
                title=one.incident.title,
                mitigation=one.incident.mitigation,
                root_causes=[why.answer for why in one.causes],
                open_actions=[item.pk for item in one.open_actions],
            )
            for one in known
        ]
    )


@router.get("/postmortems/{int:number}", response=PostmortemShape, summary="A postmortem")
def get_postmortem(request: ApiRequest, number: int) -> PostmortemShape:
    """By the number of its incident (2 queries)."""
    document: Postmortem = postmortem(request, number)
    sections = Section.objects.filter(postmortem=document).select_related("edited_by").order_by("position", "pk")
    return PostmortemShape(
        incident=document.incident.number,
        ref=document.incident.ref,
        status=document.status,
        owner=document.owner.email if document.owner else None,
        due_at=document.due_at,
        published_at=document.published_at,
        sections=[section_shape(section) for section in sections],
    )


@router.patch(
    "/postmortems/{int:number}/sections/{key}",
    response={200: SectionShape, 409: ConflictShape},
    summary="Write a section",
)
def write_section(request: ApiRequest, number: int, key: str, said: Writing) -> SectionShape | HttpResponse:
    """409 with both texts when somebody else saved since ``version``; nothing is overwritten."""
    section = Section.objects.get(postmortem=postmortem_to_write(request, number), key=key)
    try:
        saved = editing.save_section(
            section, text=said.text, base_version=said.version, by=request.user, at=request.at, together=False
        )
    except editing.Conflict as conflict:
        return _conflict(conflict)
    return section_shape(saved)


def _conflict(conflict: editing.Conflict) -> HttpResponse:
    said = ConflictShape(
        type="urn:tocsin:problem:stale-version",
        title="Conflict",
        status=409,
        detail=str(conflict),
        errors=[],
        theirs=section_shape(conflict.theirs),
        base=conflict.base,
        merged=conflict.merged,
    )
    return HttpResponse(said.model_dump_json(), status=409, content_type=MEDIA_TYPE)
