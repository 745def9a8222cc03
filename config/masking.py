"""What a log line holds: no integration keys, tokens or passwords, and no traceback of a mere refusal."""

import logging
import re

NAMES = r"routing_key|integration_key|password|passwd|token|secret|secret_key|authorization|api_key|sessionid|cookie"
VALUE = r"""(?:"[^"]*"|'[^']*'|(?:bearer|basic|token)\s+[^\s"',&}]+|[^\s"',&;}]+)"""
PATTERNS = (
    (re.compile(r"(/integrations/)[A-Za-z0-9]{6,}"), r"\1***"),
    (re.compile(r"(/(?:a|calendar|postmortems/feed|twilio/keys)/)[^/\s\"'?]{6,}"), r"\1***"),
    (re.compile(rf"(?i)((?:{NAMES})[\"']?\s*[=:]\s*){VALUE}"), r"\1***"),
    (re.compile(r"(://[^:/\s@]*:)[^@\s/]+@"), r"\1***@"),
    (re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"), r"\1***"),
    (re.compile(r"(tocsin_)[A-Za-z0-9_-]{16,}"), r"\1***"),
)


def masked(text: str) -> str:
    """Return the text with each secret replaced by three stars."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class MaskSecrets(logging.Filter):
    """A logging filter that masks the finished message and the traceback of each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drops one."""
        record.msg, record.args = masked(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = masked(record.exc_text)
        return True


class RefusalInOneLine(logging.Filter):
    """A logging filter: a request that was refused is no fault of ours, and needs no traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the traceback off in place; never drops one."""
        if record.name == "django.request" and record.levelno < logging.ERROR:
            record.exc_info = record.exc_text = None
        return True
