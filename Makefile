# Two commands are all a newcomer needs: `make demo` and `make test`.
PYTHON ?= python3
PORT ?= 8000
SERVE ?= yes
HOME_DIR ?= .mizan
BIN := .venv/bin
INSTALLED := .venv/installed

# what stays together and what comes first is said in tests/conftest.py
PYTEST := $(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder

NODE := command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18)' 2>/dev/null

.PHONY: demo test coverage bench lock clean

demo: $(INSTALLED)
ifeq ($(SERVE),no)
	@$(BIN)/mizan demo --no-serve --home $(HOME_DIR) --port $(PORT)
else
	@$(BIN)/mizan demo --home $(HOME_DIR) --port $(PORT)
endif

test: $(INSTALLED)
	$(BIN)/ruff check kb web tests
	$(BIN)/mypy
	$(PYTEST) $(PYTEST_ARGS)

# Apart from the tests, since tracing every branch doubles what they take.
coverage: $(INSTALLED)
	$(PYTEST) --cov --cov-report=term $(PYTEST_ARGS)

# make bench BENCH_ARGS="--sizes 1m --only importing,querying"
bench: $(INSTALLED)
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

# One lock file pins everything by hash, for running and for testing; --no-deps, since it is complete and an older pip
# would look for newer versions of what is asked for with extras.
# Node, which builds the editor of the SPARQL page (web/frontend.py), is taken from PyPI where the machine has none.
$(INSTALLED): requirements.lock pyproject.toml web/package-lock.json $(wildcard web/editor/*.js)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Mizan needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(NODE) || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .ci/node.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@test -f web/static/editor/sparql.js || echo "The editor of the SPARQL page could not be built; it has its plain form."
	touch $(INSTALLED)

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra test --no-emit-index-url \
		--no-header pyproject.toml .ci/build.in -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header .ci/node.in -o .ci/node.lock

clean:
	rm -rf .venv .frontend web/static/editor .mizan .mypy_cache .pytest_cache .ruff_cache dist bundles
