"""Who does what during an incident: roles, hand-overs, musters."""

import pghistory
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from incidents.models.incident import Incident
from incidents.models.people import Team, User


class Role(models.TextChoices):
    """The five hats of an incident (C-10)."""

    COMMANDER = "commander", "Incident Commander"
    COMMUNICATIONS = "communications", "Communications Lead"
    TECH_LEAD = "tech_lead", "Tech Lead"
    OPERATIONS = "operations", "Operations Lead"
    DEVELOPMENT = "development", "Development Lead"


HANDS_ON = (Role.TECH_LEAD, Role.OPERATIONS, Role.DEVELOPMENT)  # a commander who holds one wears two hats


@pghistory.track()
class RoleCard(models.Model):
    """What a role is, in words for someone who has just been given it. The five keys are fixed, the rest may change."""

    role = models.CharField(primary_key=True, max_length=16, choices=Role)
    place = models.PositiveSmallIntegerField(help_text="The order on the page.")
    name = models.CharField(max_length=40)
    duties = ArrayField(models.CharField(max_length=200), help_text="Separated by commas; one short sentence each.")
    skills = ArrayField(models.CharField(max_length=40), help_text="Separated by commas; also tags on people (R-53).")
    phrase = models.CharField(max_length=200, help_text="What somebody in this role typically says.")
    asked_to = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(4)], help_text="Asked for at this level and all more severe ones: 1 = P0 and P1."
    )

    def __str__(self) -> str:
        return self.name


class RoleHolder(models.Model):
    """A person held a role for a time. ``incidents.roles`` writes it; ended rows are the history (R-57)."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="role_holders")
    role = models.CharField(max_length=16, choices=Role)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, help_text="UTC; null = holds it now.")
    how = models.CharField(max_length=16, help_text="joined, assigned or handed over.")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "role"], condition=Q(until=None), name="a_role_has_one_holder")
        ]


class Handover(models.Model):
    """A role is offered to somebody with a briefing; it changes hands when they accept."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="handovers")
    role = models.CharField(max_length=16, choices=Role)
    giver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    receiver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    briefing = models.TextField(help_text="Markdown; what stood when it was offered.")
    offered_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, help_text="UTC; null = waits for an answer.")
    outcome = models.CharField(max_length=12, blank=True, help_text="accepted, declined or withdrawn.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "role"], condition=Q(settled_at=None), name="one_handover_of_a_role_waits"
            )
        ]


class Muster(models.Model):
    """All hands: the teams that own affected services are called together, or somebody decided against it (R-19)."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="musters")
    contract_started_at = models.DateTimeField(help_text="The contract under which it was called or declined.")
    called_at = models.DateTimeField(null=True, help_text="UTC; null = declined.")
    declined_because = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text="null = by itself")
    ended_at = models.DateTimeField(null=True, help_text="UTC; when everybody was released.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "contract_started_at"], name="one_muster_a_contract")
        ]


class MusterCall(models.Model):
    """One line of the roll-call: a person of a team, called, there, and free again."""

    muster = models.ForeignKey(Muster, on_delete=models.CASCADE, related_name="calls")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    called_at = models.DateTimeField()
    joined_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["muster", "person"], name="a_person_is_mustered_once")]
