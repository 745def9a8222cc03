"""The five whys: read the tree, ask, change, move, remove, bring back, read backwards, give evidence."""

from typing import Annotated, Any

from ninja import Router, Status
from pydantic import BaseModel, Field

from incidents.api.bodies import Body, Moment, OneOf, Text
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, whole
from incidents.models import TimelineEntry
from incidents.refusals import Invalid
from postmortems import whys
from postmortems.api.doors import postmortem, postmortem_to_write
from postmortems.causes import Causes, Node
from postmortems.models import Category, Confidence, Evidence, Joined, Postmortem, Why, WhyKind

router = Router(tags=["postmortems"])

Parents = Annotated[list[int], Field(max_length=50)]


class WhyBody(Body):
    """What can be said about an answer; what is left out stays, or is empty."""

    parents: Parents | None = Field(
        default=None, description="What it explains; several = a shared cause; none = the symptom."
    )
    question: Text | None = Field(default=None, description="Left out, it is made from the parent's answer.")
    answer: Text | None = None
    confidence: Annotated[str, OneOf(Confidence)] | None = None
    is_root_cause: bool | None = None
    category: Annotated[str, OneOf(Category)] | None = None
    enough_because: Text | None = Field(default=None, description="Needed above the wanted depth of a root cause.")
    accepted_risk: Text | None = None
    joined: Annotated[str, OneOf(Joined)] | None = Field(default=None, description="Of the answers below it.")

    def words(self) -> dict[str, Any]:
        """What is said; null takes a word back."""
        given = self.model_dump(exclude_unset=True)
        given = {name: value for name, value in given.items() if name in whys.Said.__dataclass_fields__}
        empty: dict[str, Any] = {"is_root_cause": False}
        return {name: empty.get(name, "") if value is None else value for name, value in given.items()}


class NewWhy(WhyBody):
    """One more answer."""

    answer: Text
    kind: Annotated[str, OneOf(WhyKind)] = WhyKind.CAUSE.value


class ChangedWhy(WhyBody):
    """An answer said differently, or moved."""

    version: int | None = Field(default=None, description="The one you saw; a newer one answers 409.")


class EvidenceShape(BaseModel):
    """What an answer rests on."""

    id: int
    entry: int | None = Field(description="The id of an entry of the incident's timeline.")
    url: str
    label: str


class WhyShape(BaseModel):
    """One answer; ``depth`` 0 is the symptom."""

    id: int
    kind: Annotated[str, OneOf(WhyKind)]
    parents: list[int]
    depth: int
    question: str
    answer: str
    confidence: str
    is_root_cause: bool
    category: str
    enough_because: str
    accepted_risk: str
    joined: str
    addressed: bool
    evidence: list[EvidenceShape]
    version: int


class TreeShape(Listing[WhyShape]):
    """The whole tree."""

    target_depth: int
    deepest: int


class Depth(Body):
    """How often to ask."""

    target_depth: int


class Therefore(Body):
    """One step of the way back."""

    parent: int
    holds: bool = True


class ThereforeShape(BaseModel):
    """Because the one, therefore the other."""

    because: int
    therefore: int
    holds: bool
    holds_at: Moment | None


class NewEvidence(Body):
    """An entry of the timeline, or an address."""

    entry: int | None = None
    url: Text = ""
    label: Text = ""


def evidence_shape(piece: Evidence) -> EvidenceShape:
    """A piece of evidence as the API shows it."""
    return EvidenceShape(id=piece.pk, entry=piece.entry_id, url=piece.url, label=piece.label)


def why_shape(node: Node) -> WhyShape:
    """An answer as the API shows it."""
    why = node.why
    return WhyShape(
        id=why.pk,
        kind=why.kind,
        parents=[parent.pk for parent in node.parents],
        depth=node.depth,
        **vars(whys.said_of(why)),
        addressed=node.is_addressed,
        evidence=[evidence_shape(piece) for piece in node.evidence],
        version=why.version,
    )


def _fresh(document: Postmortem, why: Why) -> WhyShape:
    return why_shape(Causes(document).nodes[why.pk])


@router.get("/postmortems/{int:number}/whys", response=TreeShape, summary="Read the five whys")
def list_whys(request: ApiRequest, number: int) -> TreeShape:
    """The symptom first, then every answer as the tree is read; all in one piece."""
    causes = Causes(postmortem(request, number))
    items = [why_shape(node) for node in causes.rows]
    return TreeShape(**vars(whole(items)), target_depth=causes.document.target_depth, deepest=causes.deepest)


@router.post("/postmortems/{int:number}/whys", response={201: WhyShape}, summary="Ask again: why?")
def create_why(request: ApiRequest, number: int, said: NewWhy) -> Status[WhyShape]:
    """Below the named answers. A root cause needs a category, and a reason above the wanted depth."""
    document = postmortem_to_write(request, number)
    if said.kind == WhyKind.SYMPTOM:
        raise Invalid("kind", "There is one symptom, which stands already: change its words with PATCH.")
    words = whys.Said(**said.words())
    under, kind = said.parents or [], WhyKind(said.kind)
    why = whys.ask(document, words, under=under, kind=kind, by=request.user, at=request.at)
    return Status(201, _fresh(document, why))


@router.patch("/postmortems/{int:number}/whys", response=TreeShape, summary="Say how often to ask")
def set_target_depth(request: ApiRequest, number: int, said: Depth) -> TreeShape:
    """Three to ten times."""
    whys.set_target_depth(postmortem_to_write(request, number), said.target_depth)
    return list_whys(request, number)


@router.patch("/postmortems/{int:number}/whys/{int:pk}", response=WhyShape, summary="Change or move an answer")
def change_why(request: ApiRequest, number: int, pk: int, said: ChangedWhy) -> WhyShape:
    """``parents`` moves it, and shares it where there are several; a circle is refused."""
    document, why = _why(request, number, pk)
    words = whys.Said(**{**vars(whys.said_of(why)), **said.words()})
    whys.edit(why, words, under=said.parents, by=request.user, at=request.at, version=said.version)
    return _fresh(document, why)


@router.delete("/postmortems/{int:number}/whys/{int:pk}", response={204: None}, summary="Remove an answer")
def remove_why(request: ApiRequest, number: int, pk: int) -> Status[None]:
    """What follows from it alone goes with it; ``restore`` brings all back."""
    _, why = _why(request, number, pk)
    whys.remove(why, by=request.user, at=request.at)
    return Status(204, None)


@router.post("/postmortems/{int:number}/whys/{int:pk}/restore", response=TreeShape, summary="Bring an answer back")
def restore_why(request: ApiRequest, number: int, pk: int) -> TreeShape:
    """Where it was."""
    _, why = _why(request, number, pk)
    whys.restore(why, by=request.user, at=request.at)
    return list_whys(request, number)


@router.get("/postmortems/{int:number}/therefore", response=Listing[ThereforeShape], summary="Read it backwards")
def read_backwards(request: ApiRequest, number: int) -> Listing[ThereforeShape]:
    """Every step from the deepest answer up to the symptom, and which of them hold."""
    steps = Causes(postmortem(request, number)).backwards
    return whole(
        [
            ThereforeShape(
                because=step.child.why.pk,
                therefore=step.parent.why.pk,
                holds=step.link.holds_at is not None,
                holds_at=step.link.holds_at,
            )
            for step in steps
        ]
    )


@router.put(
    "/postmortems/{int:number}/whys/{int:pk}/therefore", response=ThereforeShape, summary="Say that a step holds"
)
def tick_therefore(request: ApiRequest, number: int, pk: int, said: Therefore) -> ThereforeShape:
    """Because this answer, therefore its parent."""
    _, child = _why(request, number, pk)
    parent = Why.objects.filter(postmortem=child.postmortem, pk=said.parent).first()
    if parent is None:
        raise Invalid("parent", "There is no such answer in this tree.")
    link = whys.tick(child, parent, holds=said.holds, by=request.user, at=request.at)
    return ThereforeShape(because=pk, therefore=parent.pk, holds=said.holds, holds_at=link.holds_at)


@router.post("/postmortems/{int:number}/whys/{int:pk}/evidence", response={201: EvidenceShape}, summary="Give evidence")
def create_evidence(request: ApiRequest, number: int, pk: int, said: NewEvidence) -> Status[EvidenceShape]:
    """An entry of the incident's timeline by its id, or an address."""
    document, why = _why(request, number, pk)
    entry = TimelineEntry.objects.filter(incident=document.incident_id, pk=said.entry).first() if said.entry else None
    if said.entry and entry is None:
        raise Invalid("entry", "There is no such entry on the timeline of this incident.")
    piece = whys.add_evidence(why, entry=entry, url=said.url, label=said.label, by=request.user, at=request.at)
    return Status(201, evidence_shape(piece))


@router.delete("/postmortems/{int:number}/evidence/{int:pk}", response={204: None}, summary="Take evidence away")
def delete_evidence(request: ApiRequest, number: int, pk: int) -> Status[None]:
    """The answer stays."""
    document = postmortem_to_write(request, number)
    mine = Evidence.objects.filter(why__postmortem=document).select_related("why__postmortem")
    whys.remove_evidence(mine.get(pk=pk))
    return Status(204, None)


def _why(request: ApiRequest, number: int, pk: int) -> tuple[Postmortem, Why]:
    document = postmortem_to_write(request, number)
    return document, Why.objects.select_related("postmortem").get(postmortem=document, pk=pk)
