"""All settings, from the environment alone; ``.env.example`` names every variable with its unit and default."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pghistory
from django.core.exceptions import ImproperlyConfigured

from config.env import env_bool, env_int, env_list, env_str

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("DATA_DIR", str(BASE_DIR / ".data"))).resolve()
TESTING = env_bool("TOCSIN_TESTING", default=False)
NO_DATABASE = "postgresql:///tocsin"  # what stands in where nothing runs on DATA_DIR and no address is given


def _embedded_note(name: str) -> str:
    """Return what the running ``manage.py up`` of this DATA_DIR wrote down, or nothing."""
    try:
        return (DATA_DIR / "run" / name).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


PORT = env_int("PORT", int(_embedded_note("port") or 8000))


def _secret_key() -> str:
    """Return SECRET_KEY, or the one that was made once for this DATA_DIR."""
    given = env_str("SECRET_KEY")
    if given:
        return given
    kept = DATA_DIR / "secret_key"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50), encoding="utf-8")
        try:
            kept.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return kept.read_text(encoding="utf-8").strip()


def _database(url: str) -> dict[str, Any]:
    """Translate a postgres:// URL into Django's words; ``?host=`` may name a socket directory.

    Raises:
        ImproperlyConfigured: the URL is not of Postgres.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://")
    query = dict(parse_qsl(parts.query))
    host = query.pop("host", "") or unquote(parts.hostname or "")
    size = env_int("DATABASE_POOL", 20)
    pool = {"pool": {"min_size": min(2, size), "max_size": size, "timeout": 10}} if size else {}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**pool, **query},
    }


SECRET_KEY = _secret_key()
DEBUG = env_bool("DEBUG", default=False)
EMBEDDED = not env_str("DATABASE_URL")
PUBLIC_URL = env_str("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver" if EMBEDDED else "")
if urlsplit(PUBLIC_URL).hostname and urlsplit(PUBLIC_URL).hostname not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(str(urlsplit(PUBLIC_URL).hostname))
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SITE_IS_HTTPS = PUBLIC_URL.startswith("https://")

DATABASE_URL = env_str("DATABASE_URL") or _embedded_note("database_url") or NO_DATABASE
DATABASES = {"default": _database(DATABASE_URL)}
LISTEN_DATABASE_URL = env_str("LISTEN_DATABASE_URL") or DATABASE_URL
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "config",
    "incidents",
    "oncall",
    "postmortems",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "lucide",
    "ninja",
    "pgtrigger",
    "pghistory",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "incidents.middleware.RefusalMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["incidents.templatetags.tocsin", "django.templatetags.static"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "incidents.context.shell",
            ],
        },
    }
]

AUTH_USER_MODEL = "incidents.User"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # the e-mail is unique in any letter case, by a constraint of its own
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "incidents:board"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_MAX_EMAIL_ADDRESSES = 1
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to addresses of strangers
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SITE_IS_HTTPS else "http"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ADAPTER = "config.accounts.SecondProofAdapter"
MFA_TOTP_ISSUER = "Tocsin"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # administrators make the accounts: nobody can take an address that is not theirs

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
DATE_FORMAT, DATETIME_FORMAT, TIME_FORMAT = "Y-m-d", "Y-m-d H:i", "H:i"  # in the admin; pages have filters of their own
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if TESTING or DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = TESTING or DEBUG
MEDIA_ROOT = DATA_DIR / "media"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_IS_HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds
SECURE_SSL_REDIRECT = SITE_IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SITE_IS_HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SITE_IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SITE_IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes; intake has limits of its own

CELERY_BROKER_URL = env_str("CELERY_BROKER_URL") or _embedded_note("broker_url") or "redis://127.0.0.1:6379/0"
CACHE_URL = env_str("CACHE_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
HTMX_CONFIG = {"allowEval": False, "includeIndicatorStyles": False, "historyCacheSize": 0}

_mail = urlsplit(env_str("EMAIL_URL"))
EMAIL_CONFIGURED = bool(_mail.hostname)
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _mail.hostname or "localhost"
EMAIL_PORT = _mail.port or (465 if _mail.scheme == "smtps" else 25)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp+tls"
EMAIL_TIMEOUT = 10  # seconds; must stay under the lease of a delivery
DEFAULT_FROM_EMAIL = env_str("DEFAULT_FROM_EMAIL", "Tocsin <tocsin@localhost>")
ADMIN_EMAIL = env_str("ADMIN_EMAIL", "admin@example.com")
TWILIO_URL = env_str("TWILIO_URL", "https://api.twilio.com").rstrip("/")
TWILIO_ACCOUNT_SID = env_str("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKEN = env_str("TWILIO_AUTH_TOKEN")
TWILIO_FROM = env_str("TWILIO_FROM")
TWILIO_VOICE_FROM = env_str("TWILIO_VOICE_FROM", TWILIO_FROM if TWILIO_FROM.startswith("+") else "")
SMS_ONE_WAY = env_list("SMS_ONE_WAY", "+86,+91,+966,+971")
SMS_WITHOUT_LINKS = env_list("SMS_WITHOUT_LINKS", "+86")
SLACK_URL = env_str("SLACK_URL", "https://slack.com").rstrip("/")
SLACK_BOT_TOKEN = env_str("SLACK_BOT_TOKEN")
SLACK_SIGNING_SECRET = env_str("SLACK_SIGNING_SECRET")
NTFY_URL = env_str("NTFY_URL").rstrip("/")
NTFY_TOKEN = env_str("NTFY_TOKEN")
PRIVATE_ADDRESSES = env_bool("PRIVATE_ADDRESSES", default=EMBEDDED)
DEMO = env_bool("DEMO", default=True)
SANDBOX = env_bool("SANDBOX", default=EMBEDDED)

DEAD_MAN_URL = env_str("DEAD_MAN_URL")
if DEAD_MAN_URL and not DEAD_MAN_URL.startswith(("http://", "https://")):
    raise ImproperlyConfigured("DEAD_MAN_URL must begin with http:// or https://")
DOORBELL = env_bool("DOORBELL", default=not TESTING)

PGHISTORY_DEFAULT_TRACKERS = (pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())

LOG_LEVEL = env_str("LOG_LEVEL", "INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "mask_secrets": {"()": "config.masking.MaskSecrets"},
        "refusal_in_one_line": {"()": "config.masking.RefusalInOneLine"},
    },
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusal_in_one_line", "mask_secrets"],
        },
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"handlers": ["console"], "propagate": False},
        "celery": {"level": "WARNING"},  # below that it writes two lines for each tick
        # below that they write down addresses and headers, and with them secrets
        **{name: {"level": "WARNING"} for name in ("apprise", "httpcore", "httpx", "slack_sdk", "twilio", "urllib3")},
    },
}
