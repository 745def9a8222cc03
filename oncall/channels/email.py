"""E-mail over SMTP."""

import smtplib

from django.core.mail import EmailMessage, get_connection

from oncall.channels.contract import DeliveryError, Message, Receipt

PERMANENT = range(500, 600)  # SMTP answers that will not change


class EmailTransport:
    """Hands messages to the SMTP server of EMAIL_URL."""

    name = "smtp"
    provider = "smtp"

    def send(self, message: Message) -> Receipt:
        """Send one mail; a repeated try carries the same Message-ID.

        Raises:
            DeliveryError: the server refused it, or could not be reached.
        """
        mail = EmailMessage(
            subject=message.subject,
            body=message.text,
            to=[message.address],
            headers={"Message-ID": f"<{message.key}@tocsin>", "Auto-Submitted": "auto-generated", "X-Priority": "1"},
            connection=get_connection(fail_silently=False),
        )
        try:
            mail.send()
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            raise DeliveryError(_said(code, words), permanent=code in PERMANENT) from error
        except smtplib.SMTPResponseException as error:
            raise DeliveryError(
                _said(error.smtp_code, error.smtp_error), permanent=error.smtp_code in PERMANENT
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"the mail server could not be reached: {error}", permanent=False) from error
        return Receipt(delivered=False, detail="accepted by the mail server")


def _said(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"the mail server said {code} {text}"[:300]
