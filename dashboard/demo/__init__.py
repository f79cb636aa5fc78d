"""A company's agents, simulated: what `make demo` shows. No model is called; every text is our own.

texts, releases, schedule -> one agent module each -> plan (spans and logs as data, pure) -> sender (the OpenTelemetry SDK).
"""
