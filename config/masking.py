"""Keep secrets out of every log line: integration keys, tokens and passwords in URLs."""

import logging
import re

PATTERNS = (
    (re.compile(r"(/integrations/)[A-Za-z0-9]{6,}"), r"\1***"),
    (re.compile(r"(/(?:a|calendar)/)[^/\s\"'?]{6,}"), r"\1***"),
    (
        re.compile(
            r"(?i)(\"?(?:routing_key|password|token|secret|authorization|api_key)\"?\s*[=:]\s*\"?(?:Bearer\s+)?)[^\s\"',&}]+"
        ),
        r"\1***",
    ),
    (re.compile(r"(://[^:/\s@]*:)[^@\s/]+@"), r"\1***@"),
    (re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"), r"\1***"),
)


def masked(text: str) -> str:
    """Return the text with each secret replaced by three stars."""
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class MaskSecrets(logging.Filter):
    """A logging filter that masks the finished message of each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drops one."""
        record.msg, record.args = masked(record.getMessage()), None
        return True
