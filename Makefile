# Each target says what it does while it does it. `make help` lists them.
#
# PYTHON=/path/to/python3 chooses the interpreter for the environment .venv (3.11 or newer).

VENV_PYTHON := .venv/bin/python
# Cargo builds the binding against the same interpreter as the environment.
WITH_PYTHON := PYO3_PYTHON="$(CURDIR)/$(VENV_PYTHON)"
# Or pyright asks the network whether there is a newer one.
OFFLINE := PYRIGHT_PYTHON_IGNORE_WARNINGS=1
SAY := @printf '==> %s\n'

export PYTHON

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-all wheel licenses docs build-docs torture bench bench-full coverage environment check-rust check-python clean

help:
	@echo 'make demo      build hocket and run the storefront example: a real server, a real database'
	@echo 'make test      build hocket and run every check'
	@echo 'make test-all  run the Python suite on every CPython of this machine (3.11 and newer), with the'
	@echo '               oldest and the newest Trio; ARGS="-k word" and the like go to pytest'
	@echo 'make wheel     build the source distribution and a wheel (dist/), install the wheel elsewhere and run'
	@echo '               the suite on it (a quarter of an hour); ARGS="-k word" and the like go to pytest'
	@echo 'make docs      build the documentation as a site, in docs/_build/html'
	@echo 'make torture   attack every promise at length and write docs/project/reliability.md (an hour);'
	@echo '               SUITE="name ..." SEED=n TRIALS=n choose what, where to begin and how often'
	@echo 'make bench     measure hocket beside every scheduler one might choose instead (3 minutes);'
	@echo '               ARGS="--workload http --rounds 9" and the like choose; ARGS=--help lists them'
	@echo 'make bench-full  the same at length, and write the figures into the docs (an hour and a half)'
	@echo 'make coverage  run the Python tests and report which branches they miss'
	@echo 'make clean     remove the environments and everything that was built'
	@echo ''
	@echo 'PYTHON=/path/to/python3 chooses the interpreter (3.11 or newer; default: python3).'

environment:
	@sh scripts/environment.sh

demo: environment
	$(SAY) 'Running examples/storefront'
	@$(VENV_PYTHON) examples/storefront/run.py

test:
	@sh scripts/environment.sh --checks
	@$(MAKE) --no-print-directory check-rust check-python

# Each combination of Python and Trio has an environment of its own.
test-all:
	@sh scripts/test_all.sh $(ARGS)

wheel: environment
	@sh scripts/check_wheel.sh $(ARGS)

# After a change of Cargo.lock; needs `cargo install --locked --features cli cargo-about`.
licenses:
	$(SAY) 'Writing THIRD-PARTY-LICENSES.md'
	@cargo about generate --locked --offline --manifest-path rust/py/Cargo.toml --config about.toml \
		--output-file THIRD-PARTY-LICENSES.md about.hbs

docs: environment build-docs
	$(SAY) 'Its first page is docs/_build/html/index.html'

# A warning, a link or a reference that leads nowhere is an error. -E: nothing of an earlier build is used.
build-docs:
	$(SAY) 'Documentation: building the site'
	@$(VENV_PYTHON) -m sphinx -E -q -W --keep-going -b html docs docs/_build/html

check-rust:
	$(SAY) 'Rust: formatting'
	@cargo fmt --all --check
	$(SAY) 'Rust: clippy'
	@$(WITH_PYTHON) cargo clippy --quiet --workspace --all-targets -- --deny warnings
	@$(WITH_PYTHON) cargo clippy --quiet --workspace --features hocket-py/faults -- --deny warnings
	$(SAY) 'Rust: tests of the core'
	@cargo test --quiet

check-python: build-docs
	$(SAY) 'Python: ruff'
	@$(VENV_PYTHON) -m ruff check --quiet
	$(SAY) 'Python: formatting'
	@$(VENV_PYTHON) -m ruff format --check --quiet
	$(SAY) 'Python: mypy --strict'
	@$(VENV_PYTHON) -m mypy --strict
	$(SAY) 'Python: pyright'
	@$(OFFLINE) $(VENV_PYTHON) -m pyright --pythonpath $(VENV_PYTHON)
	$(SAY) 'Python: the stub _core.pyi against the extension'
	@$(VENV_PYTHON) -m mypy.stubtest hocket._core
	$(SAY) 'Rust: the build that can fail anywhere, for the tests'
	@$(VENV_PYTHON) -m torture.build faults
	$(SAY) 'Python: tests'
	@$(VENV_PYTHON) -m pytest

# A choice of suites or trials is no report.
torture: environment
	$(SAY) 'Attacking every promise'
	@$(VENV_PYTHON) -m torture $(SUITE) $(if $(SEED),--seed $(SEED)) \
		$(if $(TRIALS),--trials $(TRIALS)) $(if $(SUITE)$(TRIALS),,--write docs/project/reliability.md)

# ARGS is for `python -m benches`. The core alone: cargo bench --package hocket-bench.
bench: environment
	$(SAY) 'Benchmarks beside the peers (of the Rust core alone: cargo bench --package hocket-bench)'
	@$(VENV_PYTHON) -m benches $(ARGS)

# A choice is no complete run, and writes nothing.
bench-full: environment
	$(SAY) 'Benchmarks beside the peers (of the Rust core alone: cargo bench --package hocket-bench)'
	@$(VENV_PYTHON) -m benches --full $(if $(ARGS),$(ARGS),--write)

coverage: environment
	@$(VENV_PYTHON) -m coverage run -m pytest
	@$(VENV_PYTHON) -m coverage report

clean:
	$(SAY) 'Removing .venv, .venvs, .venv-bench, target, docs/_build and caches'
	@rm -rf .venv .venvs .venv-bench .venv-bench.lock target dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	@rm -f python/hocket/_core*.so python/hocket/_core*.pyd
	@find python tests torture benches examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
