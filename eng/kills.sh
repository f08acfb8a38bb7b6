#!/usr/bin/env bash
# Kills the command line or its worker (kill -9) at N moments each, spread over a run of the credit sample. After every kill no process is
# left, no file is half written, and a killed worker is told of (exit code 3, PTG2006); in the end a run gives the figures of one that nothing
# disturbed. Usage: eng/kills.sh [N]   (default 25; the command line has to be built: dotnet build src/PostTrainGate.Cli -c Release)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
moments=${1:-25}
tool="$root/src/PostTrainGate.Cli/bin/Release/net10.0/PostTrainGate.Cli"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export POSTTRAINGATE_KILLS=$place # tells the processes of this study from others

cp -r "$root/samples/credit" "$place/run"
rm -rf "$place/run/posttraingate-report"
check() { (cd "$place/run" && exec "$tool" check . --no-cache >"$place/log" 2>&1); }
figures() { grep -v '"seconds":' "$place/run/posttraingate-report/gate-result.json"; }
line() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" || true; }
ours() {
  for id in $(grep -lsza "POSTTRAINGATE_KILLS=$place" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3); do
    case $(line "$id") in "$tool "*) echo "$id" ;; esac
  done 2>/dev/null
}
of_kind() { for id in $(ours); do case $(line "$id") in *--engine-worker*) [[ $1 == worker ]] && echo "$id" ;; *) [[ $1 == supervisor ]] && echo "$id" ;; esac; done; true; }

started=$(date +%s%N)
check || true
length=$((($(date +%s%N) - started) / 1000000))
figures >"$place/expected"
find "$place/run" -type f | sort >"$place/files"
sha256sum "$place"/run/*.repaired.onnx >"$place/models" 2>/dev/null || true
echo "a run takes $length ms"

faults=0 told=0
fault() { echo "  fault: $1"; faults=$((faults + 1)); }
for whom in worker supervisor; do
  for ((i = 1; i <= moments; i++)); do
    after=$((length * i / (moments + 1)))
    check & run=$!
    sleep "$(printf '%d.%03d' $((after / 1000)) $((after % 1000)))"
    victim=$(of_kind "$whom" | sed -n 1p)
    if [[ -n $victim ]]; then kill -9 "$victim" 2>/dev/null || true; fi
    code=0; wait "$run" 2>/dev/null || code=$?
    if [[ $whom == worker && -n $victim && $code == 3 ]] && grep -q PTG2006 "$place/log"; then told=$((told + 1)); fi
    if [[ $whom == worker && -n $victim && $code != 3 && $code != 1 ]]; then fault "worker killed after $after ms: exit code $code"; fi
    for ((wait = 0; wait < 20; wait++)); do [[ -z $(ours) ]] && break; sleep 0.1; done
    if [[ -n $(ours) ]]; then fault "$whom killed after $after ms: a process is left: $(ours | tr '\n' ' ')"; fi
    find "$place/run" -type f | sort | comm -13 "$place/files" - | while read -r file; do echo "  left: $file"; done >"$place/left"
    if [[ -s $place/left ]]; then fault "$whom killed after $after ms: $(cat "$place/left")"; find "$place/run" -name '.*' -type f -delete; fi
    if ! node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$place/run/posttraingate-report/gate-result.json" 2>/dev/null; then
      fault "$whom killed after $after ms: gate-result.json is broken"; fi
    if [[ -s $place/models ]] && ! sha256sum --quiet -c "$place/models" >/dev/null 2>&1; then fault "$whom killed after $after ms: the repaired model is another"; fi
  done
  echo "$whom killed at $moments moments"
done

check || true
figures | diff -q - "$place/expected" >/dev/null || fault "the last run gives other figures"
echo "$told kills of a worker told by PTG2006; $faults faults"
((faults == 0))
