"""How a mail leaves: plain text, from templates/mail/<name>.{subject.txt,txt}."""

import smtplib
import unicodedata
from collections.abc import Mapping

from django.core.mail import EmailMessage
from django.template.loader import render_to_string

MAX_SUBJECT_CHARS = 150


class MailError(Exception):
    """The mail did not leave. The text names the kind of trouble, never an address or a password."""


def send(name: str, to: str, context: Mapping[str, object]) -> None:
    """Send one mail to one address. Texts in the subject may be hostile: they are cleaned, so the mail still goes."""
    subject = one_line(render_to_string(f"mail/{name}.subject.txt", dict(context)))
    body = render_to_string(f"mail/{name}.txt", dict(context))
    try:
        EmailMessage(subject=subject, body=body, to=[to]).send()
    except (smtplib.SMTPException, OSError, ValueError) as error:  # ValueError: an address that is none
        raise MailError(type(error).__name__) from error


def one_line(text: str) -> str:
    """A header's text: control and direction characters become spaces, at most 150 characters.

    Without this a name with a line break would make Django refuse the whole mail (BadHeaderError).
    """
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    return " ".join(plain.split())[:MAX_SUBJECT_CHARS]
