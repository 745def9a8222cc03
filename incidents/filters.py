"""Choices of the list of incidents that a person keeps under a name."""

from django.http import QueryDict

from incidents.models import SavedFilter, User
from incidents.refusals import Invalid

MOST = 20  # for each person


def keep(person: User, *, name: str, query: QueryDict) -> SavedFilter:
    """Keep the choice under the name, in the place of another of that name.

    Raises:
        Invalid: no name, nothing chosen, or too many are kept.
    """
    name = name.strip()
    if not name:
        raise Invalid("name", "Give it a name.")
    if not any(query.values()):
        raise Invalid("name", "Choose something first: this would be the whole list.")
    others = SavedFilter.objects.filter(person=person).exclude(name=name)
    if others.count() >= MOST:
        raise Invalid("name", f"You keep {MOST} already. Forget one first.")
    kept, _ = SavedFilter.objects.update_or_create(person=person, name=name, defaults={"query": query.urlencode()})
    return kept


def forget(person: User, pk: int) -> None:
    """Forget one of the person's own."""
    SavedFilter.objects.filter(person=person, pk=pk).delete()
