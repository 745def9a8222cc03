"""What people keep for themselves."""

from django.db import models

from incidents.models.people import User


class SavedFilter(models.Model):
    """A choice of the list of incidents under a name of one's own."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=1000, help_text="As in the address of the list.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="saved_filter_has_a_name_of_its_own")]

    def __str__(self) -> str:
        return self.name
