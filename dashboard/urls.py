"""Every URL of the product on one screen. OTLP paths are served by ingest's own ASGI application, see dashboard/asgi.py."""

from django.urls import path

from dashboard.pages import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
