#!/usr/bin/env bash
# One node for a first look: made in var/node if it is not there, then served until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
home=var/node
[ -e "$home/node.toml" ] || .venv/bin/tidegate init "$home" --name "A first node" --seat HK --role authority --port 7400
exec .venv/bin/tidegate serve --home "$home"
