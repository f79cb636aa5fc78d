# make up      start Fourline in the foreground        make check    formatting, lint, types, contracts
# make demo    the same with living sample data         make test     the tests, browser included
# make bench   ingest beside raw COPY (docs/performance.md names the other benchmarks)
# make soak    half an hour of load: do memory and latency stay flat?
# make faults  200 seeds of faults, then full lengths: about 5 hours
# make month   500 simulated healthy objectives over 30 days: how many false alerts?
# make fuzz    half a million broken requests, thousands of questions to the API
# make lock    renew requirements.lock                  make clean    forget .venv and caches
# make screenshots  the pictures of docs, as the tests take them
#
# Needs Python >= 3.11 and nothing else; everything goes into .venv.

SHELL := /bin/sh
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
  command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
  && { command -v $$name; break; }; done)
BIN := .venv/bin
STAMP := .venv/.installed
WORKERS ?= 2

.PHONY: up demo test check lock screenshots bench soak faults month fuzz install browser tools clean

up: install
	@exec $(BIN)/python manage.py up

demo: install
	@exec $(BIN)/python manage.py demo

install:
	@$(MAKE) --no-print-directory -s $(STAMP)

# The lock's own hash decides, not its time: a checkout sets new times.
$(STAMP): FORCE
	@test -n "$(PYTHON)" || { echo "Fourline needs Python 3.11 or newer; set PYTHON=/path/to/python3." >&2; exit 1; }
	@wanted="$$(cksum < requirements.lock)"; \
	if [ "$$(cat $@ 2>/dev/null)" != "$$wanted" ]; then \
	  echo "Installing into .venv (once, about a minute)"; \
	  test -x $(BIN)/python || "$(PYTHON)" -m venv .venv || { \
	    echo "This Python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }; \
	  $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock \
	    && echo "$$wanted" > $@; \
	fi
FORCE:

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	FOURLINE_HOME=$(CURDIR)/.venv/check-home $(BIN)/python manage.py makemigrations --check --dry-run
	FOURLINE_HOME=$(CURDIR)/.venv/check-home FOURLINE_PUBLIC_URL=https://fourline.example \
	  FOURLINE_SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	  $(BIN)/python manage.py check --deploy --fail-level WARNING

test: install browser tools
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

browser:
	@sh .ci/browser

tools:
	@sh .ci/tools

screenshots: install browser
	SCREENSHOTS=1 $(BIN)/python -m pytest tests/journeys/test_screenshots.py tests/journeys/test_alert_journey.py -q

bench: install
	$(BIN)/python -m benchmarks.ingest

soak: install
	$(BIN)/python -m benchmarks.soak $(ARGS)

# FAULT_SEED=7 looks at one seed alone. The seeds that failed are named at the end, and nothing stops at the first.
FAULT_SEEDS ?= 200
faults: install tools
	@status=0; \
	FAULT_SEEDS=$(FAULT_SEEDS) $(BIN)/python -m pytest tests/faults $(ARGS) || status=1; \
	FAULT_SEED=0 FAULT_DURATIONS=full $(BIN)/python -m pytest tests/faults/test_histories.py tests/faults/test_cut_off.py $(ARGS) \
	  || status=1; \
	exit $$status

fuzz: install
	FUZZ_TIMES=25 API_EXAMPLES=300 $(BIN)/python -m pytest tests/ingest/test_fuzz.py tests/api/test_schema_fuzz.py -q -s

month: install
	SLO_MONTH=1 $(BIN)/python -m pytest tests/slo/test_backtest.py -q -s --timeout 7200

# The only target that resolves versions. uv writes hashes for every platform.
lock: install
	@command -v uv >/dev/null 2>&1 || test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	  --extra dev --extra demo pyproject.toml -o requirements.lock --custom-compile-command 'make lock'

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
