"""The pages and the API for a WSGI server. OTLP is served by the ASGI application only: it reads bodies as they come."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
application = get_wsgi_application()
