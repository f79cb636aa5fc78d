"""How a mail leaves: to the server of FOURLINE_EMAIL_URL, texts from templates/mail/<name>.{subject.txt,txt,html}."""

import smtplib
from collections.abc import Mapping

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string

from tracestore.channels.alert_mail import MAX_SUBJECT_CHARS, compose
from tracestore.channels.envelope import ChannelError, Envelope
from tracestore.channels.words import one_line

STEP_S = 10  # of the dialogue with the server, each: about ten of them end before a claim does


class MailError(Exception):
    """The mail did not leave. The text names the kind of trouble, never an address or a password."""


def send(name: str, to: str, context: Mapping[str, object]) -> None:
    """Send one mail to one address. Texts in the subject may be hostile: they are cleaned, so the mail still goes."""
    subject = one_line(render_to_string(f"mail/{name}.subject.txt", dict(context)), MAX_SUBJECT_CHARS)
    body = render_to_string(f"mail/{name}.txt", dict(context))
    try:
        EmailMessage(subject=subject, body=body, to=[to]).send()
    except (smtplib.SMTPException, OSError, ValueError) as error:  # ValueError: an address that is none
        raise MailError(type(error).__name__) from error


def deliver(envelope: Envelope) -> None:
    """Send a notice; returns when the server has taken it. Raises ChannelError."""
    if not settings.EMAIL_URL:
        raise ChannelError("no mail server is set: FOURLINE_EMAIL_URL")
    message = compose(envelope)
    message.connection = get_connection(timeout=STEP_S)
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise ChannelError(f"the address was refused ({codes[0]})", permanent=all(map(_final, codes))) from error
    except smtplib.SMTPDataError as error:
        raise ChannelError(f"the mail was refused ({error.smtp_code})", permanent=_final(error.smtp_code)) from error
    except smtplib.SMTPResponseException as error:  # greeting, sign-in, sender: for the operator to mend
        raise ChannelError(f"the mail server answered {error.smtp_code}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise ChannelError(_trouble(error)) from error
    except ValueError as error:
        raise ChannelError("this is not an address", permanent=True) from error


def _final(code: int) -> bool:
    return 500 <= code < 600


def _trouble(error: Exception) -> str:
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):  # smtplib wraps its own
        return "the mail server did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the mail server refuses connections"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "the mail server closed the connection"
    return f"the mail server cannot be used ({type(error).__name__})"
