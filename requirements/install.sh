#!/bin/sh
# Install requirements/$1.lock into .venv, unless that was done already. Usage: requirements/install.sh run|dev
set -eu
cd "$(dirname "$0")/.."
lock="requirements/$1.lock"

say() { printf '%s\n' "$*" >&2; }

# The first Python on PATH that is new enough; PYTHON=... overrides.
find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "Tocsin needs Python 3.11 or newer. Install it (Debian, Ubuntu: apt-get install python3 python3-venv) or set PYTHON."
    exit 1
}

make_venv() {
    python="$(find_python)"
    say "Making .venv with $("$python" --version) ..."
    if command -v uv >/dev/null; then
        "$python" -m venv --without-pip --clear .venv && return
    elif "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv --clear .venv && return
    fi
    rm -rf .venv
    say "This Python cannot make virtual environments. Install the package python3-venv (Debian, Ubuntu) and try again."
    exit 1
}

install() {
    if command -v uv >/dev/null; then
        uv pip install --python .venv/bin/python --require-hashes -r "$lock"
    else
        .venv/bin/python -m pip install --disable-pip-version-check --no-input --require-hashes -r "$lock"
    fi
}

is_sound() {
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
        { command -v uv >/dev/null || .venv/bin/python -c 'import pip' 2>/dev/null; }
}

is_sound || make_venv
stamp=".venv/installed-$1-$(.venv/bin/python -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])' "$lock")"
if [ ! -e "$stamp" ]; then
    say "Installing $lock ..."
    install >&2
    rm -f .venv/installed-"$1"-*
    touch "$stamp"
fi
