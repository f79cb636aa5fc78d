"""What does this span mean? `normalise(raw)`: one pass over its attributes, one dict lookup each; never raises."""

from operator import itemgetter
from typing import Any

from ingest.conventions import answer, meaning, mlflow, otel_genai, signals
from ingest.conventions import fields as f
from ingest.conventions.coerce import BAD, text, unjson
from ingest.conventions.layers import layers
from ingest.conventions.plans import Plan, plan_of
from ingest.conventions.rules import SPAN
from ingest.conventions.span_names import agent_name, tool_name
from ingest.conventions.versions import provenance, tools_hash, version_part
from ingest.conventions.vocabulary import finish_reasons, provider_of_model
from tracestore.analysis.model_names import canonical_model
from tracestore.records import (
    CLOCK_SUSPECT,
    IDENTITY_INHERITED,
    INVALID_NUMBER,
    RESPONSE_CACHE_HIT,
    SESSION_IS_THREAD,
    STREAMING,
    TIMEOUT,
    TOOL_EXECUTION,
    Attributes,
    Event,
    RawSpan,
    Span,
    VersionPart,
)

_FIRST_CHUNKS = frozenset(
    {
        "First Token Stream Event",
        "ai.stream.firstChunk",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
        "mlflow.chunk.item.0",
    }
)
_EVENTS_MAX = 1000

# Fields in the order of records.Span: by position, since 37 keywords take 1 us a span longer.
_SPAN = Span.__struct_fields__
_SERVICE_TO_TOKENS = itemgetter(*map(f.NAMES.index, _SPAN[_SPAN.index("service") : _SPAN.index("cost_nanousd")]))
_TOOL_TO_RETRIES = itemgetter(*map(f.NAMES.index, _SPAN[_SPAN.index("tool_name") : _SPAN.index("signals")]))


def normalise(raw: RawSpan) -> Span:
    """The canonical fields of a span, each from the best usable source (conventions sections 1, 2 and 4).

    Measured: 9.8 us a span on one busy core of a 2-core Xeon, 19.5 attributes a span (`python -m benchmarks.stages`).
    """
    ranks, values, sources = map(list.copy, layers(raw.resource, raw.scope))
    attributes = raw.attributes
    if raw.scope.name.startswith(mlflow.SCOPE):
        attributes = {key: unjson(value) for key, value in attributes.items() if key in SPAN}
    plan = plan_of(attributes)
    flags = raw.flags | _read(plan, attributes, ranks, values, sources)
    exception = first_chunk = None
    if raw.events:
        exception, first_chunk = _read_events(raw.events, values, sources)
    said = signals.read(plan[2], attributes) if plan[2] else signals.NOTHING
    return _span(raw, flags | said.flags, said, ranks, values, sources, exception, first_chunk)


def _read(plan: Plan, attributes: Attributes, ranks: list[int], values: list[Any], sources: list[str | None]) -> int:
    """Fill ranks, values and sources from a span's own attributes, by their plan. Returns flags."""
    flags = 0
    rules, blobs, _ = plan
    for key, field, rank, read, source in rules:
        if rank < ranks[field]:
            usable = read(attributes[key])
            if usable is BAD:
                flags |= INVALID_NUMBER
            elif usable is not None:
                ranks[field], values[field], sources[field] = rank, usable, source
        elif field == f.TOOLS and rank == ranks[field]:
            values[field] = [*(values[field] if type(values[field]) is list else [values[field]]), attributes[key]]
    for key, read, source in blobs:
        for field, rank, usable, part in read(attributes[key]):
            if rank < ranks[field]:
                ranks[field], values[field], sources[field] = rank, usable, f"{source}#{part}"
    return flags


def _read_events(
    events: list[Event], values: list[Any], sources: list[str | None]
) -> tuple[str | None, tuple[int, str] | None]:
    """The class of the last exception, and time and name of the first chunk; a choice event's finish reason."""
    exception: str | None = None
    first_chunk: tuple[int, str] | None = None
    for event in events[:_EVENTS_MAX]:
        if event.name == "exception":
            exception = text(event.attributes.get("exception.type")) or "exception"
        elif event.name in _FIRST_CHUNKS:
            if first_chunk is None or event.time_ns < first_chunk[0]:
                first_chunk = (event.time_ns, event.name)
        elif event.name == "gen_ai.choice" and values[f.FINISH] is None:
            values[f.FINISH] = finish_reasons(event.attributes.get("finish_reason"))
            sources[f.FINISH] = "event:gen_ai.choice" if values[f.FINISH] else None
    return exception, first_chunk


def _span(
    raw: RawSpan,
    flags: int,
    said: signals.Said,
    ranks: list[int],
    values: list[Any],
    sources: list[str | None],
    exception: str | None,
    first_chunk: tuple[int, str] | None,
) -> Span:
    operation = meaning.operation(raw, values, sources)
    is_failed = meaning.failed(raw, operation, values, exception)
    flags |= _name_failure(raw, is_failed, values, sources, exception)
    if operation in meaning.CALLS:
        _read_answer(ranks, values, sources)
    flags |= meaning.settle_tokens(raw.scope.name, operation, values, sources) | _flags(raw, operation, ranks, values)
    _settle_models(is_failed, ranks, values, sources)
    _settle_names(raw, operation, ranks, values, sources)
    values[f.COST] = meaning.reported_cost(values, sources)
    values[f.TTFT] = meaning.first_token(raw, values, sources, first_chunk)
    bits = signals.signals(raw, operation, is_failed, said, ranks, values)
    return _filled(raw, operation, 2 if is_failed else raw.status_code, flags, bits, said, ranks, values, sources)


def _name_failure(
    raw: RawSpan, is_failed: bool, values: list[Any], sources: list[str | None], exception: str | None
) -> int:
    """Fill the type of the error, which only a failed span has. Returns flags."""
    if not is_failed:
        values[f.ERROR_TYPE] = sources[f.ERROR_TYPE] = None
        return 0
    values[f.ERROR_TYPE] = meaning.error_type(raw, values, sources, exception)
    return TIMEOUT if meaning.timed_out(raw, values[f.ERROR_TYPE], exception) else 0


def _filled(
    raw: RawSpan,
    operation: str,
    status: int,
    flags: int,
    bits: int | None,
    said: signals.Said,
    ranks: list[int],
    values: list[Any],
    sources: list[str | None],
) -> Span:
    return Span(  # type: ignore[call-arg]  # mypy cannot count what an itemgetter gives
        raw,
        operation,
        status,
        *_SERVICE_TO_TOKENS(values),
        None,  # cost and price: receive() computes them
        None,
        values[f.COST],
        values[f.TTFT],
        values[f.FINISH] or (),
        *_TOOL_TO_RETRIES(values),
        bits,
        said.queue_ns,
        said.token_budget,
        signals.effect_key(raw.attributes, bits, said) if said.sources and operation == "tool" else None,
        _part(operation, ranks, values),
        provenance(tuple(sources[: f.PUBLIC]), said.sources),
        flags,
    )


def _part(operation: str, ranks: list[int], values: list[Any]) -> VersionPart:
    """The versions the span knows of; a model only where one was called."""
    model = _asked_model(ranks, values) if operation in meaning.CALLS else None
    tools = values[f.TOOLS]
    return version_part(
        values[f.SERVICE],
        values[f.SERVICE_VERSION],
        values[f.AGENT_NAME],
        values[f.AGENT_VERSION],
        model,
        _prompt(values),
        values[f.RAG_INDEX],
        None if tools is None else tools_hash(tools),
        values[f.CONFIG],
        values[f.REVISION],
    )


def _asked_model(ranks: list[int], values: list[Any]) -> str | None:
    """The model that was asked for, so that a failed call is of the same version as one that was answered.

    Without its date where the name may be that of the answer: the date is what an answer adds.
    """
    model: str | None = values[f.REQUEST_MODEL]
    if model is None:
        return canonical_model(values[f.RESPONSE_MODEL])
    return canonical_model(model) if ranks[f.REQUEST_MODEL] in f.AMBIGUOUS_REQUEST else model


def _flags(raw: RawSpan, operation: str, ranks: list[int], values: list[Any]) -> int:
    flags = 0
    if values[f.STREAMS]:
        flags |= STREAMING
    if values[f.RESPONSE_CACHE]:
        flags |= RESPONSE_CACHE_HIT
    if operation == "tool":
        flags |= TOOL_EXECUTION
    if raw.end_ns < raw.start_ns:
        flags |= CLOCK_SUSPECT
    if values[f.SESSION] is not None and ranks[f.SESSION] % f.SCOPE_LAYER >= f.THREAD:
        flags |= SESSION_IS_THREAD
    for field in (f.SESSION, f.USER, f.ENVIRONMENT):
        if f.SCOPE_LAYER <= ranks[field] < f.NO_RANK:
            return flags | IDENTITY_INHERITED
    return flags


def _settle_models(is_failed: bool, ranks: list[int], values: list[Any], sources: list[str | None]) -> None:
    """A name that holds the request's model after a failure is no response model; a provider may precede the model."""
    if is_failed and ranks[f.RESPONSE_MODEL] >= f.AMBIGUOUS_MODEL:
        values[f.RESPONSE_MODEL] = sources[f.RESPONSE_MODEL] = None
    if values[f.PROVIDER] is None:
        values[f.PROVIDER] = provider_of_model(values[f.REQUEST_MODEL] or values[f.RESPONSE_MODEL])
        if values[f.PROVIDER] is not None:
            sources[f.PROVIDER] = "rule:model-prefix"


def _read_answer(ranks: list[int], values: list[Any], sources: list[str | None]) -> None:
    """Fill what only the body of a call's answer says."""
    if values[f.OUTPUT_BODY] is not None and (values[f.RESPONSE_ID] is None or values[f.INPUT] is None):
        identifier, hits = answer.body(values[f.OUTPUT_BODY])
        _name(f.RESPONSE_ID, values[f.RESPONSE_ID] or identifier, "rule:id-of-the-answer", values, sources)
        for field, rank, usable, _ in hits:
            if rank < ranks[field]:
                ranks[field], values[field], sources[field] = rank, usable, "rule:usage-of-the-answer"
    if values[f.FINISH] is None and values[f.OUTPUT_MESSAGES] is not None:
        found = answer.finish_in_messages(values[f.OUTPUT_MESSAGES])
        _name(f.FINISH, found, "attr:gen_ai.output.messages", values, sources)


def _settle_names(raw: RawSpan, operation: str, ranks: list[int], values: list[Any], sources: list[str | None]) -> None:
    """Names that mean something only on some operations, or that the span's own name tells."""
    if operation == "tool":
        if values[f.TOOL_NAME] is None:
            _name(f.TOOL_NAME, tool_name(raw), "rule:span-name", values, sources)
    elif values[f.TOOL_NAME] is not None or values[f.TOOL_CALL_ID] is not None:
        for field in (f.TOOL_NAME, f.TOOL_CALL_ID):
            values[field] = sources[field] = None
    if operation != "agent" and values[f.AGENT_NAME] == otel_genai.CONSTANT_AGENT:
        values[f.AGENT_NAME] = sources[f.AGENT_NAME] = None
    if operation == "agent" and values[f.AGENT_NAME] is None:
        _name(f.AGENT_NAME, agent_name(raw), "rule:span-name", values, sources)
    if values[f.TEMPLATE_VERSION] is not None and values[f.PROMPT_VERSION] is None and operation in meaning.CALLS:
        _name(f.PROMPT_VERSION, values[f.TEMPLATE_VERSION], "attr:llm.prompt_template.version", values, sources)
    if operation == "retrieval" and values[f.RAG_INDEX] is None:
        _name(f.RAG_INDEX, values[f.DATA_SOURCE], "rule:data-source", values, sources)


def _name(field: int, value: Any, source: str, values: list[Any], sources: list[str | None]) -> None:
    if value is not None:
        values[field], sources[field] = value, source


def _prompt(values: list[Any]) -> str | None:
    """`name@version` of the prompt, as far as known."""
    name, version = values[f.PROMPT_NAME], values[f.PROMPT_VERSION]
    if name is None and version is None:
        return None
    return f"{name or ''}@{version}"[:256] if version is not None else name
