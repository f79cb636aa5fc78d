"""The one static file that is too large to be served as it lies in its wheel."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.access import public
from dashboard.plotly_script import coding_for, compressed
from dashboard.plotly_script import digest as current_digest

A_YEAR_S = 31_536_000


@public
@require_safe
def plotly(request: HttpRequest, digest: str) -> HttpResponse:
    """Kept by browsers for good: another version has another address."""
    if digest != current_digest():
        raise Http404
    coding = coding_for(request.headers.get("Accept-Encoding", ""))
    response = HttpResponse(compressed(coding), content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = f"public, max-age={A_YEAR_S}, immutable"
    response.headers["Vary"] = "Accept-Encoding"
    if coding:
        response.headers["Content-Encoding"] = coding
    return response
