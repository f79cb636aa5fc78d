"""What does a log line look like? One line, whatever the message; a failure adds its type and place, never its text.

The text of an exception may quote what a customer sent, so only the type and the innermost frames are written.
"""

import logging
import traceback

FRAMES = 4  # innermost frames shown of a traceback


class OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = " ".join(record.getMessage().split())
        line = f"{record.levelname.lower()} {record.name} {message}"
        return f"{line} | {failure(record.exc_info[1])}" if record.exc_info and record.exc_info[1] else line


def failure(error: BaseException) -> str:
    """Type and place of an error: `OperationalError at db.py:40 connect < views.py:12 page`."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    return f"{type(error).__name__} at {' < '.join(places)}" if places else type(error).__name__
