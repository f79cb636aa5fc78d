"""When is what told of alerts? Stories gather into threads; a thread speaks when something changed, or to remind.

A story is what people would call one alert: the burn rules of one objective and severity together, since the slow one fires
after the quick one for the same reason; each budget threshold and absent data by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

GROUP_WAIT: Final = timedelta(seconds=30)  # others of the group may come
GROUP_INTERVAL: Final = timedelta(minutes=5)  # between two notifications of a thread
REPEAT: Final = {"page": timedelta(hours=4), "ticket": timedelta(hours=24)}  # a ticket is for this week
STORM_WITHIN: Final = timedelta(minutes=10)
STORM_FROM: Final = 20  # more stories than these begin within that time: one summary

Told = Literal["", "firing", "resolved"]
TellingKind = Literal["firing", "reminder", "reopened", "resolved", "summary"]


@dataclass(frozen=True, slots=True)
class Story:
    """key: what makes it one. group: stories of one are told together. lead: the alert whose thread tells it, None = not told
    yet. raised_at: when we found it out. silenced, inhibited: nothing is sent that begins now. nags: it is worth reminders.
    """

    key: str
    group: str
    severity: str
    raised_at: datetime
    firing: bool
    told: Told = ""
    lead: str | None = None
    acknowledged: bool = False
    silenced: bool = False
    inhibited: bool = False
    nags: bool = True

    @property
    def quiet(self) -> bool:
        return self.silenced or self.inhibited

    @property
    def waits(self) -> bool:
        """Never told, and to be told; one that is over already as well, so that nothing is lost while nobody evaluated.

        One that ended while it was silenced, and is back, was never told either.
        """
        ended_quietly = self.told == "resolved" and self.lead is None and self.firing
        return (self.told == "" or ended_quietly) and not self.quiet

    @property
    def is_new(self) -> bool:
        return self.waits and self.firing

    @property
    def is_back(self) -> bool:
        return self.told == "resolved" and self.firing and not self.quiet

    @property
    def is_over(self) -> bool:
        return self.told == "firing" and not self.firing


@dataclass(frozen=True, slots=True)
class Telling:
    """One notification. lead: the alert that its thread hangs on; None = a new thread, its first story leads."""

    kind: TellingKind
    lead: str | None
    stories: tuple[Story, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """closed: over, and nobody is told: silenced, or inhibited before it was ever told."""

    tellings: tuple[Telling, ...]
    closed: tuple[Story, ...]


def decide(stories: Iterable[Story], last_told: Mapping[str, datetime], now: datetime) -> Decision:
    """What is to be told now. last_told: by leading alert. Each story is in one telling at most.

    A time that a wrong clock has left in the future counts as long ago.
    """
    known = sorted(stories, key=_rank)
    closed = [one for one in known if _ends_quietly(one)]
    left = [one for one in known if one not in closed]
    storm = len([one for one in left if _began(one, now)]) > STORM_FROM
    threads: dict[str, list[Story]] = {}
    for one in left:
        if one.lead is not None and (one.told == "firing" or one.is_back):
            threads.setdefault(one.lead, []).append(one)
    waiting = [one for one in left if one.waits]
    found = []
    for lead, members in threads.items():
        joining = [one for one in waiting if _joins(one, members, storm)]
        waiting = [one for one in waiting if one not in joining]
        told = _of_thread(lead, members, joining, _since(last_told.get(lead, now - GROUP_INTERVAL), now))
        found += [told] if told else []
    return Decision((*found, *_new_threads(waiting, storm, now)), tuple(closed))


def _rank(story: Story) -> tuple[str, datetime, str]:
    return (story.severity, story.raised_at, story.key)  # "page" < "ticket"


def _since(then: datetime, now: datetime) -> timedelta:
    return abs(now - then)


def _began(story: Story, now: datetime) -> bool:
    """Within the time that makes many of them a storm."""
    return not story.quiet and (story.firing or story.waits) and _since(story.raised_at, now) <= STORM_WITHIN


def _ends_quietly(story: Story) -> bool:
    if story.firing:
        return False
    return (story.told == "" and story.quiet) or (story.told == "firing" and story.silenced)


def _joins(story: Story, members: Sequence[Story], storm: bool) -> bool:
    """A thread takes what belongs to its group; that of a storm takes everything while it lasts."""
    return story.group in {one.group for one in members} or (storm and len(members) > STORM_FROM)


def _of_thread(lead: str, members: list[Story], joining: list[Story], since: timedelta) -> Telling | None:
    new, back = [one for one in joining if one.is_new], [one for one in members if one.is_back]
    over = all(not one.firing for one in members)
    if joining or back or over:
        if since < GROUP_INTERVAL:
            return None
        kind: TellingKind = "reopened" if back and not new else "resolved" if over and not new else "firing"
        shown = tuple(one for one in (*members, *joining) if not one.silenced)
        return Telling("summary" if new and len(shown) > STORM_FROM else kind, lead, shown)
    nagging = tuple(one for one in members if one.firing and one.nags and not one.quiet and not one.acknowledged)
    if nagging and since >= min(REPEAT[one.severity] for one in nagging):
        return Telling("reminder", lead, nagging)
    return None


def _new_threads(waiting: Sequence[Story], storm: bool, now: datetime) -> list[Telling]:
    groups: dict[str, list[Story]] = {}
    for one in waiting:
        groups.setdefault("" if storm else one.group, []).append(one)
    return [
        Telling(_first_kind(group), None, tuple(group))
        for group in groups.values()
        if max(_since(one.raised_at, now) for one in group) >= GROUP_WAIT
    ]


def _first_kind(stories: Sequence[Story]) -> TellingKind:
    if len(stories) > STORM_FROM:
        return "summary"
    return "firing" if any(one.firing for one in stories) else "resolved"
