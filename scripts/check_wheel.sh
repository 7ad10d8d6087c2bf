#!/bin/sh
# Build the source distribution and a wheel from it, and run the suite of the one on the other.
#
#   scripts/check_wheel.sh [ARGUMENT...]
#
# What is built is left in dist/; the rest happens in a temporary folder, far from this repository.
# PYTHON names the interpreter (default: that of .venv). Arguments go to pytest. This takes minutes.
set -eu
cd "$(dirname "$0")/.."

say() { printf '==> %s\n' "$*"; }

python=${PYTHON:-.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "Building the source distribution, and a wheel from it ($("$python" --version))"
.venv/bin/maturin build --release --sdist --quiet --out "$work/dist" --interpreter "$python"
mkdir -p dist
cp "$work"/dist/* dist/

say "Comparing the source distribution with the repository"
tar -xzf "$work"/dist/hocket-*.tar.gz -C "$work"
source=$(echo "$work"/hocket-*)
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard | LC_ALL=C sort >"$work/wanted"
    (cd "$source" && find . -type f ! -name PKG-INFO | cut -c 3- | LC_ALL=C sort) >"$work/packed"
    diff "$work/wanted" "$work/packed"
fi

say "Looking for the licences in the wheel"
wheel=$(echo "$work"/dist/*.whl)
for file in LICENSE THIRD-PARTY-LICENSES.md; do
    "$python" -m zipfile --list "$wheel" | grep -q "dist-info/licenses/$file" ||
        { echo "the wheel has no $file" >&2; exit 1; }
done

say "Installing the wheel"
"$python" -m venv "$work/venv"
# The path of what is installed must not lead back here.
unset PYTHONPATH
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${wheel}[dev]"

say "Running the suite of the source distribution on the wheel"
cd "$source"
"$work/venv/bin/python" -c "
import hocket, sys
assert hocket.__file__.startswith(sys.prefix), hocket.__file__
print(hocket.__file__)
"
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" -m pytest "$@"
