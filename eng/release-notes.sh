#!/usr/bin/env bash
# Prints what CHANGELOG.md says about a version.
#
# Usage:  eng/release-notes.sh VERSION
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${1:?usage: eng/release-notes.sh VERSION}
notes=$(awk -v heading="## [$version]" '
  /^## / { inside = index($0, heading) == 1; next }
  /^\[.*\]: / { next } # links of the headings
  inside' CHANGELOG.md)
[[ $notes =~ [^[:space:]] ]] || { echo "release-notes.sh: CHANGELOG.md has no section [$version]" >&2; exit 1; }
printf '%s\n' "$notes"
