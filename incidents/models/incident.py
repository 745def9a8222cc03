"""The incident: one disruption from its first sign until its duties are done."""

from datetime import datetime, timedelta
from typing import Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Upper
from django.urls import reverse

from incidents.assessment import urgency
from incidents.models.catalog import Service
from incidents.models.people import User
from incidents.models.severity import Severity
from incidents.refusals import TransitionError
from incidents.states import Detection, Kind, Phase, Status

WORDS = SearchVector("title", "summary", "mitigation", "root_cause", config="english")  # what a search looks through
RANK = models.Case(
    models.When(kind=Kind.REAL.value, severity_id=0, status=Status.OPEN.value, then=0),
    models.When(status=Status.OPEN.value, then=1),
    default=2,
)  # in the queue; the words in this order and plain, as migrations write them


class IncidentQuerySet(models.QuerySet["Incident"]):
    """Incidents in the words of the field. Every reader for a person begins with ``visible_to``."""

    def visible_to(self, user: User) -> Self:
        """Keep what the person may see: all that is not private, and private ones they take part in."""
        if user.is_administrator:
            return self
        mine = Participant.objects.filter(incident=OuterRef("pk"), user=user)
        return self.filter(Q(private=False) | Exists(mine))

    def open(self) -> Self:
        """Keep the incidents on which work goes on."""
        return self.filter(status=Status.OPEN)

    def by_urgency(self) -> Self:
        """Most urgent first: an open real P0 always leads, then what is open by its score, then what is over (R-24)."""
        return self.alias(rank=RANK).order_by("rank", F("urgency").desc(), "-detected_at", "pk")

    def for_board(self) -> Self:
        """Load what a row of the board shows, most urgent first."""
        return self.select_related("severity", "service__team", "held_by").by_urgency()

    def for_page(self) -> Self:
        """Load what the incident page shows of the incident itself."""
        return self.select_related(
            "severity", "peak_severity", "service__team", "held_by", "declared_by", "merged_into"
        ).prefetch_related("affected_services")


class Incident(models.Model):
    """One disruption of a service, from its first sign until its duties are done.

    ``incidents.lifecycle`` alone writes it, under the row's lock; each deed raises ``version`` by one and leaves a
    timeline entry. All times are UTC.
    """

    number = models.PositiveIntegerField(unique=True, help_text="The 7 of INC-7.")
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.REAL)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.DETECT)
    severity = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")
    peak_severity = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")
    suggested_severity = models.ForeignKey(Severity, null=True, on_delete=models.PROTECT, related_name="+")
    suggested_because = models.CharField(max_length=600, blank=True, help_text="The reasons of the suggestion.")
    assessment = models.JSONField(default=dict, blank=True, help_text="Question -> answer, as last given.")
    severity_assumed = models.BooleanField(default=False, help_text="Nobody named a level: the generic policy applies.")
    contract_started_at = models.DateTimeField(help_text="When the incident came under its present level (C-20).")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="incidents")
    affected_services = models.ManyToManyField(Service, blank=True, related_name="+")
    affected_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(100)], help_text="Percent of users; null = unknown."
    )
    workaround = models.CharField(max_length=300, blank=True, help_text="What users can do meanwhile; empty = none.")
    urgency = models.FloatField(help_text="The queue's order; formula in RULES section 9.")
    private = models.BooleanField(default=False)
    time_scale = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Drills only: every delay is divided by this.",
    )
    bridge = models.CharField(max_length=300, blank=True, help_text="Where people talk: a link, a room, a number.")
    update_every = models.DurationField(
        null=True, blank=True, help_text="The commander's own cadence of updates; null = the level's (R-62)."
    )
    detection = models.CharField(max_length=12, choices=Detection, default=Detection.USER_REPORT)
    summary = models.TextField(blank=True, help_text="What is happening and what we do: the now sentence.")

    impact_started_at = models.DateTimeField(null=True, blank=True, help_text="Never guessed.")
    detected_at = models.DateTimeField(help_text="T+0: the first signal that reached us.")
    declared_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, help_text="First human acknowledgement; null = nobody yet.")
    mitigated_at = models.DateTimeField(null=True)
    recovered_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    declared_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    acknowledged_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", help_text="Who acknowledged it first."
    )
    held_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who has it in hand now; null = nobody, and the ladder is climbed.",
    )
    held_since = models.DateTimeField(null=True, help_text="UTC; since when they have it.")
    mitigation = models.CharField(max_length=500, blank=True, help_text="What stopped the bleeding.")
    root_cause = models.TextField(blank=True)
    not_yet_because = models.TextField(blank=True, help_text="Why no root cause was named at resolve (R-35).")
    ended_because = models.TextField(blank=True, help_text="Reason of a decline.")
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="merged")
    group_key = models.CharField(max_length=255, blank=True, help_text="Group of the alert that opened it.")
    policy = models.SlugField(blank=True, help_text="Escalation policy that a route asked for; empty = the usual one.")

    version = models.PositiveIntegerField(default=1, help_text="Raised by every deed.")
    timeline_seq = models.PositiveIntegerField(default=0, help_text="Last number given on the timeline.")

    objects = IncidentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="incident_status_is_known"),
            models.CheckConstraint(condition=Q(phase__in=Phase.values), name="incident_phase_is_known"),
            models.CheckConstraint(
                condition=Q(status__in=["open", "declined", "merged"]) | Q(resolved_at__isnull=False),
                name="incident_resolved_at_when_resolved",
            ),
            models.CheckConstraint(
                condition=~Q(status="open") | Q(resolved_at=None), name="open_incident_is_unresolved"
            ),
            models.CheckConstraint(condition=Q(time_scale=1) | Q(kind__in=Kind.scaled), name="only_drills_run_faster"),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None) | Q(acknowledged_by__isnull=False) | Q(kind="backfill"),
                name="acknowledgement_has_a_person",
            ),
            models.CheckConstraint(
                condition=Q(held_by=None, held_since=None)
                | Q(held_by__isnull=False, held_since__isnull=False, acknowledged_at__isnull=False),
                name="who_has_it_has_acknowledged",
            ),
        ]
        indexes = [
            models.Index(fields=["-urgency"], condition=Q(status="open"), name="incident_open"),
            models.Index(fields=["service", "group_key"], condition=Q(status="open"), name="incident_open_group"),
            models.Index(fields=["-detected_at"], name="incident_detected"),
            models.Index(fields=["resolved_at"], condition=Q(status="resolved"), name="incident_resolved"),
            models.Index(RANK, F("urgency").desc(), F("detected_at").desc(), F("id"), name="incident_queue"),
            GinIndex(WORDS, name="incident_words"),
            GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="incident_title_parts"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"

    def get_absolute_url(self) -> str:
        """The incident page."""
        return reverse("incidents:detail", args=[self.number])

    @property
    def ref(self) -> str:
        """The reference people say aloud, such as INC-7."""
        return f"INC-{self.number}"

    @property
    def is_open(self) -> bool:
        """Work goes on."""
        return self.status == Status.OPEN

    @property
    def acknowledged(self) -> bool:
        """Somebody has it in hand."""
        return self.held_by_id is not None

    @property
    def is_drill(self) -> bool:
        """Not real: every message says so."""
        return self.kind in Kind.scaled

    @property
    def prefix(self) -> str:
        """What each message about the incident begins with."""
        return "[DRILL] " if self.is_drill else ""

    def scaled(self, delay: timedelta) -> timedelta:
        """The delay as this incident lives it: a drill runs ``time_scale`` times faster."""
        return delay / self.time_scale

    def due(self, delay: timedelta) -> datetime:
        """When something is due that the contract puts so long after its start (C-20)."""
        return self.contract_started_at + self.scaled(delay)

    @property
    def percent(self) -> int:
        """Share of users affected, estimated from the level where unknown (R-24)."""
        return self.severity.user_impact_percent if self.affected_percent is None else self.affected_percent

    def refresh_urgency(self) -> None:
        """Compute the urgency anew in memory."""
        self.urgency = urgency(
            base=self.severity.urgency_base,
            affected_percent=self.percent,
            revenue_path=self.service.revenue_path,
            workaround=bool(self.workaround),
        )

    def move_to(self, wanted: Status) -> None:
        """Take on a status in memory; the caller holds the lock and saves.

        Raises:
            TransitionError: no single move leads there.
        """
        if not Status(self.status).may_become(wanted):
            now = self.get_status_display().lower()
            if self.status == wanted:
                raise TransitionError(f"{self.ref} is {now} already.")
            raise TransitionError(f"{self.ref} is {now}: it cannot become {wanted.label.lower()}.")
        self.status = wanted

    def enter(self, wanted: Phase) -> list[Phase]:
        """Enter a phase in memory; return the phases entered on the way, in order, the wanted one last.

        Raises:
            TransitionError: the phase lies behind and no work resumes there.
        """
        now = Phase(self.phase)
        if not now.may_become(wanted):
            raise TransitionError(f"{self.ref} is past the phase {wanted.label}.")
        self.phase = wanted
        if wanted.position < now.position:
            return [wanted]
        return [Phase(word) for word in Phase.order[now.position + 1 : wanted.position + 1]]


class PhaseEntry(models.Model):
    """An incident entered a phase at a moment. Rows are added, never changed."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="phase_entries")
    phase = models.CharField(max_length=10, choices=Phase)
    entered_at = models.DateTimeField()


class Impact(models.Model):
    """One stretch of time during which users were hurt; a reopened incident has several (METRICS)."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="impacts")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="UTC; null = it goes on.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incident"], condition=Q(ended_at=None), name="an_incident_has_one_running_impact"
            )
        ]


class Relation(models.Model):
    """Two incidents that have to do with one another; the older one stands first. ``incidents.merging`` writes it."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["incident", "other"], name="two_incidents_are_related_once"),
            models.CheckConstraint(condition=Q(incident__lt=F("other")), name="the_older_incident_stands_first"),
        ]


class Participant(models.Model):
    """A person who takes part in an incident and so may see it when it is private."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="participants")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="participations")
    why = models.CharField(max_length=16, help_text="declared, paged, joined or added; the first reason stands.")
    since = models.DateTimeField()
    joined_at = models.DateTimeField(null=True, help_text="UTC; when they began to work on it; null = not yet.")
    working_on = models.CharField(max_length=160, blank=True, help_text="In their own words (R-57).")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "user"], name="person_takes_part_once")]


class SeverityChange(models.Model):
    """One change of an incident's level, with its reason (R-27). Rows are added, never changed."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="severity_changes")
    old = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")
    new = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    undoes = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="undone_by", help_text="The change it takes back."
    )


class SeverityProposal(models.Model):
    """A level that the system proposes for a live incident; a person accepts it with a reason, or not (C-8, C-19)."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="proposals")
    severity = models.ForeignKey(Severity, on_delete=models.PROTECT, related_name="+")
    because = models.CharField(max_length=200)
    at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, help_text="UTC; null = waits for an answer.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["incident"], condition=Q(settled_at=None), name="one_proposal_waits_at_a_time"
            )
        ]
