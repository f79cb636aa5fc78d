"""What real SDKs sent is accepted as it came, over HTTP; the three that lie about their compression are 400."""

import pytest

from tests import captures

BODIES = [body for name in captures.NAMES for body in captures.bodies(name)]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body.capture}/{body.number}")
def test_every_recorded_request_is_accepted_whole(edge, body):
    encoding = body.encoding or None
    answer = edge.post(f"/v1/{body.signal}", body.sent, content_type=body.content_type, content_encoding=encoding)
    if body.capture == captures.BROKEN_ON_PURPOSE:
        assert answer.status == 400
        return
    assert answer.status == 200
    assert answer.body in (b"", b"{}"), "no partial success: nothing was rejected"
