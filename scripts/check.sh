#!/usr/bin/env bash
# Changes nothing; reports every failure, then fails if there was one.
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=0
step() {
  local name=$1
  shift
  if output=$("$@" 2>&1); then echo "ok    $name"; else echo "FAIL  $name"; echo "$output" | tail -60; failed=1; fi
}
step "format" $bin/ruff format --check --quiet .
step "lint" $bin/ruff check --quiet .
step "types" $bin/mypy --no-error-summary src demo/tidegate_demo tck/tidegate_tck interop/tidegate_interop
step "import contracts" $bin/lint-imports --no-cache
step "house" $bin/python -m pytest -q tests/house
step "generated docs" $bin/python scripts/make_docs.py --check
step "clean words" bash scripts/clean-words.sh
exit $failed
