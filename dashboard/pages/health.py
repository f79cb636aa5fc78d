"""Is this process alive, is the installation ready, and what does it count?"""

from django.http import HttpRequest, HttpResponse, JsonResponse

from dashboard.access import public


@public
def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives. Touches nothing else, so that a database outage restarts no web process."""
    return HttpResponse("ok\n", content_type="text/plain")


@public
def readyz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"ready": True})


def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse("", content_type="text/plain; version=0.0.4")
