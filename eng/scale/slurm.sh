#!/bin/bash
# Measures a policy on the tasks of a Slurm array, then merges their parts.
#
#   eng/scale/slurm.sh POLICY SHARDS PARTS [COMMAND...]
#
# PARTS is a folder that all nodes see. COMMAND calls the tool; the default is posttraingate. The exit code is that of
# the merge: 0 passed, 1 a gate failed.
set -euo pipefail

export policy=$1 shards=$2 parts=$3
shift 3
tool=("${@:-posttraingate}")
mkdir -p "$parts"

# A node that fails gives its task back (--requeue). A task whose tool is killed gives itself back, three times at most;
# what is wrong with the policy or the model (exit code 2) does not get better.
array=$(sbatch --parsable --requeue --open-mode=append --array="1-$shards" --job-name=gate-shard \
  --output="$parts/shard-%a.log" <<BATCH
#!/bin/bash
code=0
$(printf '%q ' "${tool[@]}") check "\$policy" --shard "auto/\$shards" --part "\$parts/" || code=\$?
if [ "\$code" -gt 2 ] && [ "\${SLURM_RESTART_COUNT:-0}" -lt 3 ]; then
  echo "shard \$SLURM_ARRAY_TASK_ID ended with \$code and is queued again"
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\$SLURM_ARRAY_TASK_ID"
fi
exit "\$code"
BATCH
)

# It starts when all tasks have succeeded, and is canceled when one failed for good.
log=$parts/merge.log code=0
rm -f "$log"
sbatch --wait --parsable --job-name=gate-merge --output="$log" --dependency="afterok:${array%%;*}" \
  --kill-on-invalid-dep=yes >/dev/null <<BATCH || code=$?
#!/bin/bash
exec $(printf '%q ' "${tool[@]}") merge "\$policy" "\$parts/"
BATCH
if [ ! -e "$log" ]; then
  echo "a shard failed; its log is in $parts" >&2
  exit 3
fi
cat "$log"
exit "$code"
