"""The link that ends mail of an objective to an address: signed, so that nobody ends the mail of somebody else."""

from dataclasses import dataclass

from django.conf import settings
from django.core import signing

SIGNER = signing.Signer(salt="fourline.unsubscribe")


@dataclass(frozen=True, slots=True)
class Claim:
    """objective_id: None = everything of the project."""

    project_id: int
    objective_id: int | None
    address: str


def unsubscribe_link(claim: Claim) -> str:
    """It never expires: the mail that carries it may be found years later."""
    token = SIGNER.sign_object([claim.project_id, claim.objective_id, claim.address])
    return f"{settings.SITE_URL}/unsubscribe/{token}"


def read_token(token: str) -> Claim | None:
    """None for a token that we did not sign."""
    try:
        project_id, objective_id, address = SIGNER.unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Claim(project_id, objective_id, address)
