"""The embedded default: real Postgres and Redis from wheels, on unix sockets in folders nobody else can enter."""
