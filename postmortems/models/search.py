"""What a search of the library looks through, kept beside the documents."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from postmortems.models.document import Postmortem


class SearchText(models.Model):
    """The words of one document: title, sections, whys, actions. ``postmortems.indexing`` alone writes it."""

    postmortem = models.OneToOneField(
        Postmortem, primary_key=True, on_delete=models.CASCADE, related_name="search_text"
    )
    words = SearchVectorField()
    characters = models.PositiveIntegerField(help_text="Of the sections; how long it takes to read.")

    class Meta:
        indexes = [GinIndex(fields=["words"], name="postmortem_words")]

    def __str__(self) -> str:
        return f"Words of {self.postmortem_id}"


class StaleText(models.Model):
    """That a document changed since its words were read. Triggers of the database add rows; none waits for another."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"Stale words of {self.postmortem_id}"
