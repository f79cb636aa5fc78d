# The image of every service in docker-compose.yml; the command chooses which one it is.
FROM python:3.12-slim-bookworm AS build
WORKDIR /app
COPY requirements.lock .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.12-slim-bookworm
RUN useradd --system --user-group --create-home --home-dir /var/lib/fourline --shell /usr/sbin/nologin fourline
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY tracestore tracestore
COPY ingest ingest
COPY dashboard dashboard
COPY templates templates
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 FOURLINE_HOME=/var/lib/fourline
USER fourline
VOLUME /var/lib/fourline
EXPOSE 8000 4318 4317
STOPSIGNAL SIGTERM
# Alone, without compose, the container runs everything with the embedded Postgres and Redis.
CMD ["python", "manage.py", "up"]
