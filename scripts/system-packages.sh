#!/usr/bin/env bash
# Installs the system packages the tests need (with `kits`: those of the conformance kits) when run as
# root; else says the one command to run.
set -euo pipefail
wanted=()
if [ "${1:-}" = kits ]; then
  command -v javac >/dev/null || wanted+=(default-jdk-headless)
  command -v mvn >/dev/null || wanted+=(maven)
else
  command -v chromium >/dev/null || wanted+=(chromium)
  [ -n "$(fc-list 2>/dev/null | grep -i 'cjk' || true)" ] || wanted+=(fontconfig fonts-noto-cjk)
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted+=(postgresql)
fi
[ ${#wanted[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ]; then
  echo "The tests need system packages. Run this once, then again the same command:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${wanted[*]}" >&2
  exit 1
fi
echo "Installing ${wanted[*]} …"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null
apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
