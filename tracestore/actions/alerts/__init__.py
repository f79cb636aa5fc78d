"""How alerts are raised, told and answered, one file a subject."""

from tracestore.actions.alerts.handling import (
    LONGEST_SILENCE,
    SilenceDraft,
    acknowledge,
    create_silence,
    end_silence,
    record_outcome,
)

__all__ = [
    "LONGEST_SILENCE",
    "SilenceDraft",
    "acknowledge",
    "create_silence",
    "end_silence",
    "record_outcome",
]
