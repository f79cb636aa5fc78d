"""What does a reason of the ledger mean to whoever sent the data, and what should they do?

The reasons themselves are counted by the edge (ingest.build, ingest.errors); an unknown one is shown by its name alone.
"""

REJECTED = {
    "invalid_trace_id": "trace_id must be 16 bytes (32 hex digits in JSON) and not all zero.",
    "invalid_span_id": "span_id must be 8 bytes (16 hex digits in JSON) and not all zero.",
    "invalid_parent_id": "parent_span_id must be empty or 8 bytes (16 hex digits in JSON).",
    "invalid_bytes": "A bytesValue must be base64.",
    "invalid_number": "A time or a number could not be read.",
    "not_a_span": "These look like metrics or logs; send them to /v1/metrics or /v1/logs.",
    "too_large": "One record is far over its limits; set attribute limits in the SDK.",
    "too_many_records": "More records in one request than are taken; lower the batch size of the exporter.",
}
REFUSED = {
    "malformed": "The body is not an OTLP request; check that Content-Type matches the exporter's protocol.",
    "truncated": "The body ended too early; look at proxies between the sender and here.",
    "compression": "The body could not be decompressed; Content-Encoding and the body disagree.",
    "bad_host": "The Host header names no host of this instance; set FOURLINE_ALLOWED_HOSTS or FOURLINE_PUBLIC_URL.",
    "unauthenticated": "No key, or one that is unknown, expired or revoked.",
    "wrong_scope": "The key may not ingest; make one with the scope ingest.",
    "not_found": "No such path; OTLP goes to /v1/traces, /v1/logs and /v1/metrics.",
    "method": "OTLP is sent with POST.",
    "too_slow": "The body arrived too slowly.",
    "too_large": "The request is larger than the limit; lower the batch size of the exporter.",
    "too_many_records": "More records in one request than are taken; lower the batch size of the exporter.",
    "content_type": "Content-Type must be application/x-protobuf or application/json.",
    "content_encoding": "Content-Encoding must be gzip, deflate, zstd or none.",
    "headers": "The request has too many or too long headers.",
    "bad_keys": "An address kept sending bad keys and was told to wait.",
    "quota": "The project is over its quota; senders were told to try again later.",
    "busy": "This instance had too much in hand; senders were told to try again.",
    "store": "The database did not answer; senders were told to try again.",
    "unexpected": "An error of ours; senders were told to try again. The log of the server has the details.",
}
