"""People, teams and ranks; the organisation they belong to; tokens that act for a person."""

import hashlib
import secrets
import zoneinfo
from datetime import time
from typing import Any

import pghistory
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

SLUG = RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "Use small letters, digits and hyphens, for example checkout-api.")


def validate_time_zone(name: str) -> None:
    """Refuse a name that the time zone database does not know.

    Raises:
        ValidationError: the name is unknown.
    """
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not a time zone. Use a name such as Europe/Berlin or UTC.")


class Access(models.TextChoices):
    """What a person may do in the whole product (DESIGN, “Who may do what”)."""

    VIEWER = "viewer", "Viewer"
    RESPONDER = "responder", "Responder"
    ADMINISTRATOR = "administrator", "Administrator"


class Theme(models.TextChoices):
    """Colours: the device's choice, or one's own."""

    DEVICE = "", "As the device says"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class UserManager(BaseUserManager["User"]):
    """Make people from an e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a person; without a password they cannot sign in until one is set."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an administrator."""
        fields.setdefault("name", email.partition("@")[0])
        return self.create_user(email, password, access=Access.ADMINISTRATOR, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a person by e-mail, whatever its letter case."""
        return self.get(email__iexact=username)


@pghistory.track(exclude=["password", "last_login"])
class User(AbstractBaseUser):
    """A person who signs in with an e-mail address. People are deactivated, never deleted."""

    email = models.EmailField("e-mail", help_text="Used to sign in.")
    name = models.CharField(max_length=120, help_text="Full name, as colleagues know it.")
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[validate_time_zone], help_text="IANA name, for example Europe/Berlin."
    )
    access = models.CharField(
        max_length=16,
        choices=Access,
        default=Access.RESPONDER,
        help_text="Viewers read; responders declare, acknowledge and write; administrators may do everything.",
    )
    theme = models.CharField("colours", max_length=8, choices=Theme, default=Theme.DEVICE, blank=True)
    single_keys = models.BooleanField(
        "single-key shortcuts", default=True, help_text="Such as c to declare and j to move down; ? lists them."
    )
    skills = ArrayField(
        models.CharField(max_length=40, blank=True),
        default=list,
        blank=True,
        help_text="Separated by commas, for instance from the role cards; shown when a role is given.",
    )
    is_active = models.BooleanField(
        "active", default=True, help_text="Clear this instead of deleting: an inactive person is never paged."
    )
    deactivated_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="UTC; null = active.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_is_unique_in_any_letter_case",
                violation_error_message="Somebody has this e-mail address already.",
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_administrator(self) -> bool:
        """May do everything, the admin site included."""
        return self.is_active and self.access == Access.ADMINISTRATOR

    @property
    def is_staff(self) -> bool:
        """Django's word for “may enter the admin site”."""
        return self.is_administrator

    @property
    def is_superuser(self) -> bool:
        """Django's word for administrator."""
        return self.is_administrator

    @property
    def may_declare(self) -> bool:
        """Responders and administrators act; viewers read."""
        return self.is_active and self.access != Access.VIEWER

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Administrators have every permission of the admin site, nobody else has any."""
        return self.is_administrator

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        """See ``has_perm``."""
        return self.is_administrator

    def has_module_perms(self, app_label: str) -> bool:
        """See ``has_perm``."""
        return self.is_administrator

    def get_full_name(self) -> str:
        """The name, for libraries that ask for it."""
        return str(self)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The person's time zone."""
        return zoneinfo.ZoneInfo(self.time_zone)


class Rank(models.TextChoices):
    """The place of a person in a team's chain, from the pager up."""

    ENGINEER = "engineer", "Engineer"
    LEAD = "lead", "Team lead"
    EXPERT = "expert", "Domain expert"
    DIRECTOR = "director", "Director"
    EXECUTIVE = "executive", "Executive"


@pghistory.track()
class Team(models.Model):
    """People who own services together and take turns on call."""

    slug = models.SlugField(unique=True, validators=[SLUG])
    name = models.CharField(max_length=80)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    business_start = models.TimeField(default=time(9), help_text="Start of the working day on the team's wall clock.")
    business_end = models.TimeField(default=time(17), help_text="End of the working day on the team's wall clock.")
    business_days = models.CharField(
        max_length=7,
        default="12345",
        validators=[RegexValidator(r"^[1-7]+$", "Digits 1 (Monday) to 7 (Sunday).")],
        help_text="Working days as digits: 1 is Monday, 7 is Sunday.",
    )
    fallback = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="fallback contact",
        help_text="Paged when nobody else can be reached; empty = the organisation's fallback contact.",
    )
    people = models.ManyToManyField(User, through="Membership", related_name="teams")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(business_start__lt=models.F("business_end")),
                name="team_working_day_ends_after_it_starts",
                violation_error_message="The working day must end after it starts.",
            )
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track()
class Membership(models.Model):
    """One person in one team, with a rank; managers look after the team's configuration."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    rank = models.CharField(max_length=12, choices=Rank, default=Rank.ENGINEER)
    is_manager = models.BooleanField(
        "manages the team", default=False, help_text="May change the team's services, integrations and schedules."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="person_is_in_a_team_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


@pghistory.track()
class Holiday(models.Model):
    """A day on which a team does not work; counts for business hours alone, never for paging."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="holidays")
    date = models.DateField()
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "date"], name="team_has_a_holiday_once_a_day")]

    def __str__(self) -> str:
        return f"{self.name} {self.date}"


@pghistory.track()
class Organisation(models.Model):
    """The one organisation that runs this Tocsin: exactly one row."""

    name = models.CharField(max_length=80, default="Our organisation")
    fallback = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="fallback contact",
        help_text="Paged when a policy reaches nobody. Without one a page can be lost.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="there_is_one_organisation"),
        ]
        verbose_name_plural = "organisation"

    def __str__(self) -> str:
        return self.name


class Scope(models.TextChoices):
    """What a token may do; each contains the one before it."""

    READ = "read", "Read"
    WRITE = "write", "Write"
    ADMIN = "admin", "Administer"


class ApiToken(models.Model):
    """A secret that acts for a person through the API. Only its hash is kept."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=80, blank=True)
    scope = models.CharField(max_length=8, choices=Scope, default=Scope.WRITE)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="UTC; null = valid.")

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name or 'token'} of {self.user_id}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """Return what is stored of a secret; tokens are random, so a plain hash suffices."""
        return hashlib.sha256(secret.encode()).hexdigest()

    @classmethod
    def issue(cls, user: User, *, scope: str = Scope.WRITE, name: str = "") -> tuple["ApiToken", str]:
        """Make a token; its secret is returned once and never stored."""
        secret = f"tocsin_{secrets.token_urlsafe(32)}"
        return cls.objects.create(user=user, scope=scope, name=name, digest=cls.digest_of(secret)), secret


class IdempotentAnswer(models.Model):
    """The answer given to a POST with an Idempotency-Key, repeated for 24 hours."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, help_text="null = the first request is still under way.")
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_is_used_once_a_person")]
