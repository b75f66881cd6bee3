#!/usr/bin/env bash
# Pins every dependency by hash; index addresses are left out, so that any mirror serves.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m pip install --quiet 'pip-tools>=7.6'
options=(--quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --strip-extras)
.venv/bin/pip-compile "${options[@]}" --extra build --extra test -o requirements/test.txt pyproject.toml
.venv/bin/pip-compile "${options[@]}" --extra build -c requirements/test.txt -o requirements/node.txt pyproject.toml
printf 'anjana==1.2.3\npycanon==1.3.5\n' | .venv/bin/pip-compile "${options[@]}" -o requirements/bench-deid.txt -
