#!/usr/bin/env bash
# Times what every check pays before it measures: a check of the credit sample without repair and cache, beside a program that loads
# the same native libraries and does nothing else. The last lines give the ratio.
#
# Usage:  eng/start.sh [SAMPLE]    default: samples/credit
# Needs:  hyperfine, and a machine that has nothing else to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sample=${1:-samples/credit}
dotnet build src/PostTrainGate.Cli -c Release -v quiet --nologo
dotnet build eng/bench -c Release -v quiet --nologo
hyperfine -N -i --warmup 2 \
  --command-name natives "dotnet eng/bench/bin/Release/net10.0/PostTrainGate.Bench.dll natives $sample/model.onnx" \
  --command-name check "dotnet src/PostTrainGate.Cli/bin/Release/net10.0/PostTrainGate.Cli.dll check $sample --no-repair --no-cache"
