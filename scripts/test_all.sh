#!/bin/sh
# Run the whole Python suite on every CPython that hocket names and this machine has, each with the
# oldest and the newest Trio that hocket allows.
#
#   scripts/test_all.sh [PYTEST-ARGUMENT...]
#
# Each combination has an environment of its own in .venvs, which is kept for the next time. The
# last lines say on which it ran, which failed and which are missing; a missing one is no failure.
set -u
cd "$(dirname "$0")/.."

said=
failed=no
note() { said="$said
  $1"; }

# The interpreter for a version such as 3.12: on the PATH, or the newest that pyenv has.
find_python() {
    for candidate in "python$1" $(printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python | sort -rV); do
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
}

for version in $(sed -n 's/.*"Programming Language :: Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml); do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        note "Python $version: not on this machine"
        continue
    fi
    for trio in oldest newest; do
        venv=.venvs/$version-$trio-trio
        what="Python $version with the $trio Trio"
        printf '==> %s\n' "$what"
        if ! PYTHON=$python sh scripts/environment.sh --venv="$venv" $([ $trio = newest ] || echo --oldest-trio); then
            note "$what: NOT BUILT"
            failed=yes
            continue
        fi
        what=$("$venv/bin/python" -c 'import platform, trio; print(f"CPython {platform.python_version()}, trio {trio.__version__}")')
        if "$venv/bin/python" -m pytest "$@"; then
            note "$what: passed"
        else
            note "$what: FAILED"
            failed=yes
        fi
    done
done
printf '==> The Python suite:%s\n' "$said"
[ $failed = no ]
