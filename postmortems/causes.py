"""Read the five whys: the tree as it is drawn, the list, the way back, and which root causes are addressed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from postmortems import tree
from postmortems.blameless import Check, Hit
from postmortems.commenting import Thread
from postmortems.models import ActionItem, ActionStatus, Evidence, Postmortem, Why, WhyKind, WhyLink


@dataclass
class Node:
    """One answer with what belongs to it."""

    why: Why
    depth: int
    parents: list[Why]
    evidence: list[Evidence] = field(default_factory=list)
    has_causes: bool = False
    actions: int = 0  # that are not dropped
    comments: int = 0  # open threads, once they were counted
    hits: list[Hit] = field(default_factory=list)  # of the language check, once it was made

    @property
    def is_shared(self) -> bool:
        """It explains more than one thing: the place where an action helps most."""
        return len(self.parents) > 1

    @property
    def is_loose(self) -> bool:
        """A cause at which the asking stopped without a root cause."""
        return self.why.kind == WhyKind.CAUSE and not self.has_causes and not self.why.is_root_cause

    @property
    def is_addressed(self) -> bool:
        """Something is done about it, or the risk is accepted aloud."""
        return bool(self.actions or self.why.accepted_risk)


@dataclass
class Branch:
    """A node where it is drawn; a pointer where ``full`` is False."""

    node: Node
    level: int
    full: bool
    branches: list["Branch"]


@dataclass(frozen=True)
class Therefore:
    """One step of the way back: because ``child``, therefore ``parent``."""

    link: WhyLink
    child: Node
    parent: Node


class Causes:
    """The five whys of one postmortem (4 queries)."""

    def __init__(self, document: Postmortem) -> None:
        self.document = document
        rows = Why.objects.filter(postmortem=document, removed_at=None).select_related("created_by", "edited_by")
        whys = {why.pk: why for why in rows.order_by("pk")}
        links = WhyLink.objects.filter(child__in=whys, parent__in=whys).select_related("holds_by").order_by("pk")
        self._links = {(link.child_id, link.parent_id): link for link in links}
        self._below = tree.below(self._links)
        self._above = tree.below((parent, child) for child, parent in self._links)
        top = next(pk for pk, why in whys.items() if why.kind == WhyKind.SYMPTOM)
        self.depths = tree.depths(top, self._below)
        self.nodes = {pk: self._node(whys, pk) for pk in self.depths}
        self.symptom = self.nodes[top]
        for piece in Evidence.objects.filter(why__in=self.nodes).select_related("entry").order_by("pk"):
            self.nodes[piece.why_id].evidence.append(piece)
        links_to = ActionItem.root_causes.through.objects.filter(why__in=self.nodes)
        for pk in links_to.exclude(actionitem__status=ActionStatus.DROPPED).values_list("why", flat=True):
            self.nodes[pk].actions += 1

    def _node(self, whys: dict[int, Why], pk: int) -> Node:
        parents = [whys[up] for up in self._above.get(pk, ()) if up in self.depths]
        below = [whys[down] for down in self._below.get(pk, ())]
        return Node(whys[pk], self.depths[pk], parents, has_causes=any(why.kind == WhyKind.CAUSE for why in below))

    def mind(self, check: Check) -> None:
        """Look at the wording of every answer."""
        for node in self.nodes.values():
            if node.why.kind != WhyKind.STRENGTH:
                node.hits = check.hits(node.why.answer)

    def count(self, threads: Mapping[str, Sequence[Thread]]) -> None:
        """Count the open comments on every answer."""
        for pk, node in self.nodes.items():
            node.comments = sum(thread.first.is_open for thread in threads.get(f"why-{pk}", ()))

    @cached_property
    def drawn(self) -> Branch:
        """The tree as it is drawn."""
        return self._branch(tree.draw(self.symptom.why.pk, self._below, self.depths))

    def _branch(self, twig: tree.Twig[int]) -> Branch:
        branches = [self._branch(below) for below in twig.twigs]  # ten levels deep at most
        return Branch(self.nodes[twig.key], twig.level, twig.full, branches)

    @property
    def rows(self) -> list[Node]:
        """The linear list: every answer once, as the tree is read from the top."""
        return [branch.node for branch in self._walk(self.drawn) if branch.full]

    def _walk(self, branch: Branch) -> Iterator[Branch]:
        yield branch
        for below in branch.branches:
            yield from self._walk(below)

    @property
    def backwards(self) -> list[Therefore]:
        """Every link, the deepest first; what went well explains nothing and is left out."""
        pairs = tree.backwards(self._links, self.depths)
        steps = [Therefore(self._links[pair], self.nodes[pair[0]], self.nodes[pair[1]]) for pair in pairs]
        return [step for step in steps if step.child.why.kind == WhyKind.CAUSE]

    @property
    def deepest(self) -> int:
        """How many whys the longest branch has; what went well does not count."""
        return max(node.depth for node in self.nodes.values() if node.why.kind != WhyKind.STRENGTH)

    @property
    def counted(self) -> int:
        """The depth that the counter shows: it ends one before the root cause (C-11)."""
        return min(self.deepest, self.before_root)

    @property
    def before_root(self) -> int:
        """How many whys lead to the last one."""
        return self.document.target_depth - 1

    @property
    def roots(self) -> list[Node]:
        """The root causes, as the tree is read."""
        return [node for node in self.rows if node.why.is_root_cause]

    @property
    def loose(self) -> list[Node]:
        """Where the asking stopped without a root cause."""
        return [node for node in self.rows if node.is_loose]

    @property
    def addressed(self) -> int:
        """How many root causes something is done about."""
        return sum(node.is_addressed for node in self.roots)
