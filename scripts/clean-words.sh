#!/usr/bin/env bash
# No lock file names a package index, and no file an absolute path of the machine it was made on.
cd "$(dirname "$0")/.."
! git grep -nIE -e '^(--index-url|--extra-index-url|--find-links|--trusted-host)' -- requirements
