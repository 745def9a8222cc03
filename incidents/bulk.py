"""One deed on several incidents at once; each stands alone, so that one refusal stops no other."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from incidents import lifecycle
from incidents.models import Incident, User
from incidents.refusals import Refusal
from incidents.visibility import require_responder

MOST = 100


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    done: tuple[str, ...]  # references
    refused: tuple[str, ...]  # sentences

    @property
    def words(self) -> str:
        """Both in a few sentences."""
        first = f"You have {', '.join(self.done)}." if self.done else "Nothing was acknowledged."
        return " ".join([first, *self.refused])


def acknowledge(numbers: Collection[int], *, by: User, at: datetime) -> Outcome:
    """Acknowledge the incidents of these numbers that the person may see, the most urgent first.

    Raises:
        NotAllowed: the person only reads.
    """
    require_responder(by)
    done: list[str] = []
    refused: list[str] = []
    rows = Incident.objects.visible_to(by).filter(number__in=list(numbers)[:MOST])
    for incident in rows.by_urgency():
        try:
            lifecycle.acknowledge(incident, by=by, at=at)
        except Refusal as refusal:
            refused.append(str(refusal))
        else:
            done.append(incident.ref)
    return Outcome(tuple(done), tuple(refused))
