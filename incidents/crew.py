"""Who is in an incident: the roles with their holders and holes, and what each person works on. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from incidents.models import HANDS_ON, Handover, Incident, Participant, Role, RoleCard, RoleHolder, Task, User


@dataclass(frozen=True)
class Slot:
    """One role of the incident: its card, who holds it, or what fills the hole."""

    card: RoleCard
    holder: RoleHolder | None
    history: tuple[RoleHolder, ...]  # the oldest first, the present one included
    offer: Handover | None
    asked: bool  # the level asks for it
    covered: str  # who covers an empty Tech Lead (C-10)
    two_hats: bool
    due_at: datetime | None = None


@dataclass(frozen=True)
class Worker:
    """A person in the room. ``hats`` are the roles held, ``on`` what they work on, in their words or as their task."""

    person: User
    hats: str
    on: str
    since: datetime
    has_it: bool


@dataclass(frozen=True)
class Crew:
    """Everybody, read once."""

    slots: tuple[Slot, ...]
    workers: tuple[Worker, ...]
    offers: tuple[Handover, ...]

    def shown(self) -> list[Slot]:
        """The slots of the page: asked for, held, or on offer."""
        return [slot for slot in self.slots if slot.asked or slot.holder]

    def others(self) -> list[Slot]:
        """The slots that nobody asked for and nobody holds."""
        return [slot for slot in self.slots if not slot.asked and not slot.holder]

    def held_by(self, user: User) -> set[str]:
        """The roles that the person holds."""
        return {slot.card.role for slot in self.slots if slot.holder and slot.holder.person_id == user.pk}

    def is_empty(self, role: Role) -> bool:
        """The level asks for the role and nobody holds it."""
        return any(slot.asked and slot.holder is None for slot in self.slots if slot.card.role == role)

    def is_free(self, role: Role) -> bool:
        """Nobody holds the role."""
        return all(slot.holder is None for slot in self.slots if slot.card.role == role)

    def holder_of(self, role: Role) -> User | None:
        """Who holds the role."""
        return next((slot.holder.person for slot in self.slots if slot.card.role == role and slot.holder), None)

    def offer_to(self, user: User) -> Handover | None:
        """What is offered to the person."""
        return next((offer for offer in self.offers if offer.receiver_id == user.pk), None)

    def has_joined(self, user: User) -> bool:
        """The person works on it."""
        return any(worker.person == user for worker in self.workers)


def read(incident: Incident, tasks: Sequence[Task], commander_due: datetime | None = None) -> Crew:
    """The crew (4 queries)."""
    cards = list(RoleCard.objects.order_by("place", "role"))
    rows = RoleHolder.objects.filter(incident=incident).select_related("person").order_by("since", "pk")
    history: dict[str, list[RoleHolder]] = {}
    for row in rows:
        history.setdefault(row.role, []).append(row)
    waiting = Handover.objects.filter(incident=incident, settled_at=None).select_related("giver", "receiver")
    offers = {offer.role: offer for offer in waiting.order_by("pk")}
    now = {role: past[-1] for role, past in history.items() if past[-1].until is None}
    slots = [_slot(incident, card, now, history, offers, commander_due) for card in cards]
    return Crew(tuple(slots), tuple(_workers(incident, now, tasks)), tuple(offers.values()))


def _slot(
    incident: Incident,
    card: RoleCard,
    now: dict[str, RoleHolder],
    history: dict[str, list[RoleHolder]],
    offers: dict[str, Handover],
    commander_due: datetime | None,
) -> Slot:
    holder = now.get(card.role)
    commander = now.get(Role.COMMANDER)
    hats = {role for role, row in now.items() if holder and row.person_id == holder.person_id}
    return Slot(
        card=card,
        holder=holder,
        history=tuple(history.get(card.role, ())),
        offer=offers.get(card.role),
        asked=incident.is_open and incident.kind != "backfill" and incident.severity_id <= card.asked_to,
        covered=_covered(card, holder, now),
        two_hats=holder is not None and commander is not None and Role.COMMANDER in hats and bool(hats & set(HANDS_ON)),
        due_at=commander_due if card.role == Role.COMMANDER and holder is None else None,
    )


def _covered(card: RoleCard, holder: RoleHolder | None, now: dict[str, RoleHolder]) -> str:
    """An empty Tech Lead is covered by those who hold the keyboard (C-10, I21)."""
    if card.role != Role.TECH_LEAD or holder:
        return ""
    short = {Role.OPERATIONS: "Ops", Role.DEVELOPMENT: "Dev"}
    held = [word for role, word in short.items() if role in now]
    return f"covered by {' + '.join(held)} Lead" if held else ""


def _workers(incident: Incident, now: dict[str, RoleHolder], tasks: Sequence[Task]) -> list[Worker]:
    """Those who work on it: who has it first, then by their roles, then in the order in which they joined."""
    hats: dict[int, list[str]] = {}
    for role in Role.values:
        if role in now:
            hats.setdefault(now[role].person_id, []).append(Role(role).label)
    doing = {task.owner_id: task.title for task in reversed(tasks) if task.done_at is None and task.owner_id}
    parts = Participant.objects.filter(incident=incident).select_related("user").order_by("joined_at", "pk")
    workers = [
        Worker(
            person=part.user,
            hats=", ".join(hats.get(part.user_id, ())),
            on=part.working_on or doing.get(part.user_id, ""),
            since=part.joined_at or part.since,
            has_it=part.user_id == incident.held_by_id,
        )
        for part in parts
        if part.joined_at or part.user_id == incident.held_by_id or part.user_id in hats
    ]
    return sorted(workers, key=lambda worker: (not worker.has_it, not worker.hats))
