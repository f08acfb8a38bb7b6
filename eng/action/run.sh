#!/usr/bin/env bash
# Fetches the command line that this action belongs to, and runs it in the checkout.
#
# Usage:  eng/action/run.sh ARGUMENT...
# Environment:
#   POSTTRAINGATE_VERSION  version of the tool PostTrainGate.Cli; empty: the source that this script lies in
#   RUNNER_TEMP            where the tool goes
set -euo pipefail

version=${POSTTRAINGATE_VERSION:-}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tool=$RUNNER_TEMP/posttraingate/${version:-source}
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

if [ ! -e "$tool/.complete" ]; then
  echo '::group::Fetch PostTrainGate'
  mkdir -p "$tool"
  (
    cd "$tool" # away from the checkout: a pull request must not choose the SDK or the package sources
    if [ -n "$version" ]; then
      dotnet tool install PostTrainGate.Cli --version "$version" --tool-path .
    else
      dotnet publish "$root/src/PostTrainGate.Cli" -c Release -o . --nologo -v quiet
    fi
    touch .complete
  )
  echo '::endgroup::'
fi

export MSYS_NO_PATHCONV=1 # Git's bash on Windows takes what begins with a slash for a path
if [ -n "$version" ]; then
  exec "$tool/posttraingate" "$@"
fi
exec dotnet "$tool/PostTrainGate.Cli.dll" "$@"
