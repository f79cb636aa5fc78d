"""How much is too much? Every cap of the edge, as data.

A value over its cap is cut with a visible mark and flagged; a count over its cap raises `dropped_*`; a request over its
cap is refused whole, with a reason the ledger counts. Nothing here depends on who sends.
"""

KIB = 1024
MIB = 1024 * KIB

# One request.
REQUEST_BYTES = 20 * MIB  # as sent, and again after decompression
RATIO = 200  # decompressed / compressed; looked at only beyond RATIO_FROM_BYTES
RATIO_FROM_BYTES = 1 * MIB
MEMBERS = 1_000  # gzip members or zstd frames in one body
ZSTD_WINDOW_BYTES = 8 * MIB
RECORDS = {"traces": 10_000, "logs": 10_000, "metrics": 50_000}
GROUPS = 10_000  # resources + scopes
EVENTS_AND_LINKS = 100_000  # of all spans together; the rest is dropped and counted on its span
JSON_OBJECTS = 1_200_000  # in an OTLP/JSON body; 20 MiB of the shortest attributes have 900 000
NODES = 1_000_000  # values inside arrays and maps, of all attributes together

# One span, log record or metric point.
RECORD_BYTES = 1 * MIB  # texts are cut further until they fit; JSON texts have their own cap
ATTRIBUTES = 512
FAMILY_ATTRIBUTES = 8_192  # `llm.input_messages.12.message.content` and its like, which ATTRIBUTES does not count
EVENTS = 256
LINKS = 128
EXEMPLARS = 64

# One value.
KEY_CHARS = 256
NAME_CHARS = 256
VALUE_BYTES = 256 * 1000  # one text, or one text inside a JSON text: histories are cut message by message
JSON_TEXT_BYTES = 4 * MIB
JSON_TEXT_CONTAINERS = 200_000
VALUE_NODES = 65_536
DEPTH = 16  # what lies deeper is kept as JSON text
DEPTH_REFUSED = 50  # as protobuf's own readers
STATE_CHARS = 2_048

# Time a sender may take.
BODY_DEADLINE_S = 15.0
BODY_MIN_BYTES_PER_S = 16 * KIB  # beyond the first BODY_DEADLINE_S seconds
HEADER_BYTES = 32 * KIB

# One connection.
GRPC_RPCS = 32

# Who may try how often.
BAD_KEYS_PER_MINUTE = 60  # from one address; then 429 for bad keys only
KEY_CACHE_S = 5.0
