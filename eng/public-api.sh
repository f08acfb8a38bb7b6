#!/usr/bin/env bash
# Writes the public API of the engine to src/PostTrainGate/PublicAPI.Unshipped.txt anew, so that a change of it shows in a diff.
# What a release has shipped moves to PublicAPI.Shipped.txt by hand.
#
# Usage:  eng/public-api.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

project=src/PostTrainGate shipped=src/PostTrainGate/PublicAPI.Shipped.txt unshipped=src/PostTrainGate/PublicAPI.Unshipped.txt
log=$(mktemp) api=$(mktemp)
trap 'rm -f "$log" "$api"' EXIT
export DOTNET_CLI_UI_LANGUAGE=en MSBUILDDISABLENODEREUSE=1 UseSharedCompilation=false

# With nothing declared the compiler names every public symbol, in RS0016, as these files write it.
# Nothing else is asked of it, and its output goes to a folder of its own, so that no other build is disturbed.
[[ -e $shipped ]] || echo '#nullable enable' >"$shipped"
echo '#nullable enable' >"$unshipped"
if ! dotnet build "$project" -c Release -v quiet -nologo -p:UseArtifactsOutput=true -p:ArtifactsPath="$PWD/artifacts/public-api" \
  -p:TreatWarningsAsErrors=false -p:EnableNETAnalyzers=false -p:EnforceCodeStyleInBuild=false >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
sed -nE "s/.*warning RS0016: Symbol '(.*)' is not part of the declared public API.*/\1/p" "$log" | LC_ALL=C sort -u >"$api"
[[ -s $api ]] || { echo "public-api.sh: the compiler named no public symbol" >&2; exit 1; }
cat "$api" >>"$unshipped"
echo "$(wc -l <"$api") symbols in $unshipped"
