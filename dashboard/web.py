"""What does `manage.py serve` alone run? FOURLINE_WEB_WORKERS web workers on the same sockets, under one supervisor."""

import sys

from dashboard.listeners import AddressTaken, listen
from dashboard.stack import load_application, web_children
from dashboard.supervisor import Supervisor, complain


def main() -> int:
    from dashboard import settings

    try:
        sockets = [
            listen(settings.BIND, settings.PORT, "FOURLINE_PORT"),
            listen(settings.BIND, settings.OTLP_PORT, "FOURLINE_OTLP_PORT"),
        ]
    except AddressTaken as error:
        complain(str(error))
        return 1
    load_application()
    supervisor = Supervisor()
    supervisor.install_signals()
    supervisor.start(web_children(settings.WEB_WORKERS, [made.fileno() for made in sockets]))
    try:
        supervisor.run()
    finally:
        supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
