"""What does the answer about the lines look like? For OpenAPI; a test holds answers to it."""

from typing import Annotated, Literal

from pydantic import Field

from dashboard.api.schemas import Strict

Number = Annotated[float | str | None, Field(description="Money is decimal text in USD; null = unknown")]


class LineChange(Strict):
    value: Number
    low: Number
    high: Number
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    distinguishable: bool | None
    better: bool | None


class LineEstimate(Strict):
    value: Number
    n: int
    low: Number
    high: Number
    hits: int | None


Points = Annotated[list[tuple[str, Number, int]], Field(description="[time, value or null, n]")]


class LineComparison(Strict):
    before: LineEstimate | None
    points: Points
    change: LineChange


class LineNumbers(LineEstimate):
    points: Points
    intervals: Annotated[list[tuple[Number, Number] | None], Field(description="[low, high] of each point, 95 %")]
    partial: Annotated[list[str], Field(description="Times of steps that are not there as a whole")]
    compare: LineComparison | None


class LinePart(LineNumbers):
    key: str | None


class LineSeries(LineNumbers):
    name: str
    title: str
    unit: str
    direction: Literal["up", "down", "none"]
    formula: str
    n_counts: str
    needs: list[str]
    empty: str
    unanswered: Annotated[str | None, Field(description="Why this member cannot be asked under the filter")]
    split: list[LinePart]


class ComparedWith(Strict):
    from_: Annotated[str, Field(alias="from")]
    to: str
    words: str


class CostParts(Strict):
    change: str
    requests: str
    tokens_per_request: str
    price: str
    mix: str


class Anomaly(Strict):
    member: str
    time: Annotated[str, Field(description="The hour that begins then")]
    value: Number
    expected: Number
    median: Number
    n: int
    weeks: int
    level: float
    z: float
    k: float
    why: str
    parts_usd: CostParts | None
    dearer: Annotated[list[tuple[str, str]], Field(description="[service / model, by how many USD it cost more]")]


class Lines(Strict):
    quality: dict[str, LineSeries]
    latency: dict[str, LineSeries]
    cost: dict[str, LineSeries]
    risk: dict[str, LineSeries]
    signals: dict[str, LineSeries]
    from_: Annotated[str, Field(alias="from")]
    to: str
    step_s: int
    q: str
    undecided: Annotated[
        dict[str, int],
        Field(description="How many requests, calls, tool_calls and scores the filter could not tell apart; {} = none"),
    ]
    compared_with: ComparedWith | None
    anomalies: Annotated[list[Anomaly] | None, Field(description="null unless anomalies=true")]
    learning: Annotated[list[str] | None, Field(description="Members of which less than two weeks are known")]
