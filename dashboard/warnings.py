"""What should a person know before believing the numbers: old prices, unpriced models, background work that stands still?"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Warning_:
    """title: what is wrong, as a sentence. what_to_do: the next step. href, link: where it is done, "" when nowhere."""

    title: str
    what_to_do: str
    href: str = ""
    link: str = ""


def warnings_of(project_id: int) -> Sequence[Warning_]:
    return []
