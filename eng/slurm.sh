#!/usr/bin/env bash
# Runs eng/scale/slurm.sh on a Slurm of this machine alone: one node, two tasks, one of which is killed in the middle.
# The merged result must be that of one machine. The daemons of Slurm end with the script.
#
# Usage, as root, with Debian's slurm-wlm and munge:  eng/slurm.sh COMMAND...     (COMMAND calls the tool)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tool=("${@:?the command that calls the tool}")
work=$(mktemp -d) pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
mkdir "$work"/{state,spool,munge,gate}
chmod 755 "$work" "$work/munge"

dd if=/dev/urandom of="$work/munge/key" bs=128 count=1 status=none
chmod 600 "$work/munge/key"
munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
  --seed-file="$work/munge/seed" --log-file="$work/munge/log" 2>/dev/null &
pids+=($!)
host=$(hostname -s)
export SLURM_CONF=$work/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES State=UP
CONF
slurmctld -D 2>"$work/slurmctld.log" &
pids+=($!)
slurmd -D 2>"$work/slurmd.log" &
pids+=($!)
for _ in {1..60}; do [[ $(sinfo -h -o %T 2>/dev/null) == idle ]] && break; sleep 1; done
sinfo

cd "$work/gate"
cp "$root"/samples/digits/{model.onnx,digits.csv} .
sed '/^repair:/,$d; s/steps: 40/steps: 40, restarts: 4/' "$root/samples/digits/posttraingate.yml" >posttraingate.yml
same() { python3 -c 'import json, sys
result = json.load(open("posttraingate-report/gate-result.json"))
del result["seconds"], result["run"]
json.dump(result, sys.stdout)'; }
"${tool[@]}" check . --full --no-repair --no-cache --verbosity quiet || [[ $? -eq 1 ]]
same >"$work/one.json"
rm -r posttraingate-report

"$root/eng/scale/slurm.sh" . 2 parts "${tool[@]}" &
run=$!
# The tool itself, not the script of the task, which is what a machine without memory would end.
for _ in {1..120}; do
  grep -qs 'Measuring' parts/shard-2.log && break
  sleep 0.5
done
killed=
for process in /proc/[0-9]*; do
  if tr '\0' '\n' 2>/dev/null <"$process/environ" | grep -qx SLURM_ARRAY_TASK_ID=2 \
    && tr '\0' ' ' <"$process/cmdline" | grep -q 'check \. --shard' && ! grep -q bash "$process/comm"; then
    kill -9 "${process#/proc/}" && killed=1
  fi
done
[[ $killed ]] || { echo "slurm.sh: no task was there to kill" >&2; exit 1; }
wait "$run" || [[ $? -eq 1 ]]
grep 'is queued again' parts/shard-2.log
same | cmp - "$work/one.json"
echo "the merged result is that of one machine"
