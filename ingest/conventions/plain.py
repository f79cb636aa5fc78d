"""Spans that people write themselves, and what every resource says: service, version, environment, revision."""

from ingest.conventions import fields as f
from ingest.conventions.coerce import boolean, count, present, text
from ingest.conventions.fields import WEAK, Row
from ingest.conventions.vocabulary import finish_reasons

ROWS = [
    Row(f.SERVICE, 10, "service.name", text),
    Row(f.SERVICE_VERSION, 10, "service.version", text),
    Row(f.ENVIRONMENT, 10, "deployment.environment.name", text),
    Row(f.ENVIRONMENT, 20, "deployment.environment", text),
    Row(f.REVISION, 10, "vcs.ref.head.revision", text),
    Row(f.REVISION, 20, "vcs.repository.ref.revision", text),
    Row(f.REVISION, 30, "git.commit.sha", text),
    Row(f.CONFIG, 10, "config.version", text),
    Row(f.CONFIG, 20, "app.config.version", text),
    Row(f.CONFIG, 30, "agent.config.version", text),
    Row(f.AGENT_VERSION, 20, "agent.version", text),
    Row(f.REQUEST_MODEL, 95, "model", text),
    Row(f.SESSION, 19, "session_id", text),
    Row(f.SESSION, 19, "metadata.session_id", text),
    Row(f.SESSION, 86, "metadata.thread_id", text),
    Row(f.SESSION, 88, "metadata.conversation_id", text),
    Row(f.SESSION, 110, "thread_id", text),
    Row(f.SESSION, 130, "group_id", text),
    Row(f.USER, 20, "enduser.id", text),
    Row(f.USER, 112, "metadata.user_id", text),
    Row(f.USER, 130, "user_id", text),
    Row(f.TENANT, 10, "tenant.id", text),
    Row(f.TENANT, 40, "metadata.tenant", text),
    Row(f.TENANT, 41, "metadata.tenant_id", text),
    Row(f.TENANT, 42, "organization.id", text),
    Row(f.TENANT, 900 + WEAK, "service.namespace", text),
    Row(f.PROMPT_NAME, 80, "prompt.name", text),
    Row(f.PROMPT_VERSION, 80, "prompt.version", text),
    Row(f.RAG_INDEX, 10, "rag.index.version", text),
    Row(f.RESPONSE_ID, 40, "anthropic.message.id", text),
    Row(f.FINISH, 65, "anthropic.message.stop_reason", finish_reasons),
    Row(f.RETRIES, 30, "http.request.resend_count", count),
    Row(f.RETRIES, 40, "retry.count", count),
    Row(f.RESPONSE_CACHE, 30, "response_cache.hit", boolean),
    Row(f.CREW, 10, "crew_key", present),
]
