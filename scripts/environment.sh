#!/bin/sh
# Make an environment and build hocket into it, or do nothing when both are up to date.
#
#   scripts/environment.sh [--checks] [--venv=DIRECTORY] [--oldest-trio] [EXTRA...]
#
# --checks asks for clippy and rustfmt too. --venv names the environment, .venv if it is left out.
# --oldest-trio installs the oldest Trio that pyproject.toml allows, in place of the newest.
# EXTRA names further extras of pyproject.toml. PYTHON names the interpreter for a new environment;
# an existing one keeps its own, unless PYTHON names another one. What is missing is said before
# anything is started.
set -eu
cd "$(dirname "$0")/.."

say() { printf '==> %s\n' "$*"; }

checks=no
venv=.venv
trio=
extras=dev
for argument in "$@"; do
    case $argument in
        --checks) checks=yes ;;
        --venv=*) venv=${argument#--venv=} ;;
        --oldest-trio) trio=$(sed -n 's/^ *"trio>=\(.*\)",/\1/p' pyproject.toml) ;;
        *) extras=$extras,$argument ;;
    esac
done

missing=
lack() { missing="$missing
  - $1"; }

# Is the given version ($1, such as 1.85.0-nightly) at least $2.$3?
at_least() {
    major=${1%%.*}
    rest=${1#*.}
    minor=${rest%%[!0-9]*}
    [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -ge "$3" ]; }
}

# --- Python -----------------------------------------------------------------------------------
wanted=${PYTHON:-}
python=${wanted:-python3}
identify='import sys; print(sys.base_prefix, *sys.version_info[:3], sys.abiflags)'
in_venv=
# Without pip it is of no use: its making was interrupted, or another tool made it.
[ -x "$venv/bin/pip" ] && in_venv=$("$venv/bin/python" -c "$identify" 2>/dev/null || true)
# An environment that was copied or moved here would install into the place it came from.
[ ! -e "$venv/.home" ] || [ "$(cat "$venv/.home")" = "$PWD" ] || in_venv=

remake=no
if [ -z "$in_venv" ]; then
    remake=yes
elif [ -n "$wanted" ] && [ "$in_venv" != "$("$python" -c "$identify" 2>/dev/null || true)" ]; then
    remake=yes
fi

if [ "$remake" = yes ]; then
    version=$("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null || true)
    if [ -z "$version" ]; then
        lack "Python 3.11 or newer: '$python' does not run. Install it, or name one: make ... PYTHON=/path/to/python3"
    elif ! at_least "$version" 3 11; then
        lack "Python 3.11 or newer: '$python' is $version. Name a newer one: make ... PYTHON=/path/to/python3"
    elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        lack "Python's venv module: '$python' came without it (Debian and Ubuntu: install python3-venv)"
    fi
fi

# --- Rust -------------------------------------------------------------------------------------
rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        lack "Rust on the PATH: it is in ~/.cargo/bin. Run: . ~/.cargo/env"
    else
        lack "Rust $rust_wanted or newer (cargo and rustc): install it with rustup, https://rustup.rs"
    fi
else
    rust=$(rustc --version 2>/dev/null | cut -d ' ' -f 2)
    if [ -z "$rust" ]; then
        lack "Rust: 'rustc --version' fails: $(rustc --version 2>&1 | head -n 1)"
    elif ! at_least "$rust" "${rust_wanted%%.*}" "${rust_wanted#*.}"; then
        lack "Rust $rust_wanted or newer: this is $rust. Run: rustup update stable"
    fi
    if [ "$checks" = yes ]; then
        cargo clippy --version >/dev/null 2>&1 || lack "clippy, to check the Rust code. Run: rustup component add clippy"
        cargo fmt --version >/dev/null 2>&1 || lack "rustfmt, to check the Rust code. Run: rustup component add rustfmt"
    fi
fi
command -v cc >/dev/null ||
    lack "a C linker, 'cc', which Rust calls (Debian and Ubuntu: install gcc and libc6-dev; macOS: xcode-select --install)"

if [ -n "$missing" ]; then
    printf 'hocket cannot be built here yet. Missing:%s\n' "$missing" >&2
    exit 1
fi

# --- The environment --------------------------------------------------------------------------
if [ "$remake" = yes ]; then
    say "Making the environment $venv with Python $version"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    printf '%s\n' "$PWD" >"$venv/.home"
fi
bin=$PWD/$venv/bin
stamp=$venv/.built-$extras

extension=python/hocket/_core$("$bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
changed=yes
if [ -e "$stamp" ] && [ -e "$extension" ]; then
    # Directories count too: a deleted file shows in the time of the directory it was in.
    changed=$(find pyproject.toml Cargo.toml Cargo.lock rust -newer "$stamp" 2>/dev/null | head -n 1)
fi
if [ -z "$changed" ]; then
    say "Environment and extension are up to date ($venv, $extension)"
    exit 0
fi

# The stamp has the time the build began: what is edited meanwhile is built next time.
touch "$venv/.building"
if [ ! -x "$bin/maturin" ]; then
    say "Installing maturin, which builds the Rust extension"
    requires=$("$bin/python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')
    "$bin/python" -m pip install --quiet --disable-pip-version-check "$requires"
fi
say "Installing the Python dependencies ($extras) and building the Rust extension (release)"
# maturin refuses to choose between two environments: ours is the one.
unset CONDA_PREFIX
VIRTUAL_ENV=$PWD/$venv PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1 \
    "$bin/maturin" develop --release --extras "$extras"
[ -z "$trio" ] || "$bin/python" -m pip install --quiet --disable-pip-version-check "trio==$trio"
mv "$venv/.building" "$stamp"
say "Built $extension"
