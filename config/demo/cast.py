"""Who plays which part: people by key, or by the place they had at that moment."""

from datetime import datetime

from config.demo.people import PEOPLE
from config.demo.rotas import PRIMARIES
from incidents.models import Rank, User
from oncall import rosters, rota
from oncall.models import Schedule

PLACES = ("on call", "second", "third", "lead")


class Cast:
    """Finds the person behind a name. Asked about a past moment, it answers what the rota says of that moment."""

    def __init__(self, people: dict[str, User], primaries: dict[str, Schedule]) -> None:
        self.people = people
        loaded = rosters.load([schedule.pk for schedule in primaries.values()])
        self._rosters = {team: loaded[schedule.pk] for team, schedule in primaries.items()}
        self._leads = {team: one.key for one in PEOPLE for team, rank in one.places if rank == Rank.LEAD}
        self._keys = {user.pk: key for key, user in people.items()}

    def of(self, name: str, team: str, at: datetime) -> User:
        """The person; ``team`` is the one meant when the name says none."""
        return self.people[self._key(name, team, at)]

    def _key(self, name: str, team: str, at: datetime) -> str:
        if name in self.people:
            return name
        if name not in PLACES:
            team, _, name = name.partition(" ")
        if name == "lead":
            return self._leads[team]
        order = PRIMARIES[team]
        turn = order.index(self._on_call(team, at))
        return order[(turn + ("on call", "second", "third").index(name)) % len(order)]

    def _on_call(self, team: str, at: datetime) -> str:
        [first, *_] = rota.on_call(self._rosters[team], at)
        return self._keys[first.person]
