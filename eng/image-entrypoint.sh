#!/bin/sh
# Root only long enough to become the owner of the checkout.
#
# GitHub starts the container of an action as root and mounts the workspace, the home folder and the files of outputs and summary,
# all of which belong to the runner's user. What the gate reads may come from a stranger, so it runs as that user: able to write
# where the job can, without a capability, and without a way back to root. A checkout that belongs to root keeps root's number,
# but not its capabilities.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  exec dotnet /app/PostTrainGate.Cli.dll "$@"
fi

owner=$(stat -c %u:%g "${GITHUB_WORKSPACE:-$PWD}")
[ "${owner%:*}" -eq 0 ] || [ "${HOME:-/root}" != /root ] || export HOME=/tmp
exec setpriv --reuid "${owner%:*}" --regid "${owner#*:}" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
  dotnet /app/PostTrainGate.Cli.dll "$@"
