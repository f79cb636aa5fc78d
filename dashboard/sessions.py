"""Sessions in Postgres, found by a hash of their id: whoever reads the database, or a backup, can take over none."""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.utils import timezone


class SessionStore(db.SessionStore):
    """Django's store; only what stands in the column `session_key` differs. Used by synchronous views only."""

    def load(self) -> dict[str, Any]:
        row = self._find(self.session_key) if self.session_key else None
        if row is None:
            self._session_key = None
            return {}
        return dict(self.decode(row.session_data))

    def exists(self, session_key: str) -> bool:
        return bool(super().exists(hashed(session_key)))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = hashed(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        session_key = session_key or self.session_key
        if session_key:
            super().delete(hashed(session_key))

    def _find(self, session_key: str) -> Any:
        return self.model.objects.filter(session_key=hashed(session_key), expire_date__gt=timezone.now()).first()


def hashed(session_key: str) -> str:
    """40 characters, which is what the column holds. The id is 160 random bits: a fast hash is enough."""
    return hashlib.blake2b(session_key.encode(), digest_size=20).hexdigest()
