"""How is the embedded Redis started? A doorbell: nothing is saved, a unix socket, a password, no TCP."""

import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from dashboard.embedded.home import HomeError
from dashboard.embedded.parent import die_with_parent
from dashboard.embedded.programs import Programs
from dashboard.embedded.system_user import ServerUser

START_TIMEOUT_S = 10
SOCKET_NAME = "redis.sock"
# What it says at every start. The memory advice is for servers that save, ours does not.
NOISE = ("Reading config", "oO0OoO0", "Redis version", "Configuration loaded", "Server initialized", "overcommit")


@dataclass(slots=True)
class Redis:
    programs: Programs
    user: ServerUser
    run: Path
    password: str

    @property
    def socket(self) -> Path:
        return self.run / SOCKET_NAME

    @property
    def url(self) -> str:
        return f"redis+socket://:{self.password}@{self.socket}"

    def configuration(self) -> str:
        """noeviction: a queue that silently loses messages is worse than one that refuses them."""
        lines = ["port 0", f"unixsocket {self.socket}", "unixsocketperm 700", f"requirepass {self.password}"]
        lines += ['save ""', "appendonly no", "maxmemory 64mb", "maxmemory-policy noeviction", "databases 1"]
        lines += ["daemonize no", "loglevel warning", "tcp-backlog 128", "always-show-logo no", f"dir {self.run}"]
        return "\n".join(lines) + "\n"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server. Its settings go through stdin, so that the password is in no file and no process table."""
        server = subprocess.Popen(
            [str(self.programs.redis_server), "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
            **self.user.popen_options(),
        )
        assert server.stdin is not None
        server.stdin.write(self.configuration().encode())
        server.stdin.close()
        return server

    def wait_ready(self, server: subprocess.Popen[bytes], timeout_s: float = START_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise HomeError(f"Redis did not start (exit code {server.returncode}); its own lines above say why.")
            if self.answers():
                return
            time.sleep(0.02)
        raise HomeError(f"Redis did not answer within {timeout_s:.0f} s.")

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.socket))
                client.sendall(f"AUTH {self.password}\r\n".encode())
                return client.recv(64).startswith(b"+OK")
        except OSError:
            return False
