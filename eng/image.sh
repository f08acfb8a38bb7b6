#!/usr/bin/env bash
# Builds the image and tries it the way GitHub starts it: a checkout that belongs to another user, a pull request event, and GitHub's
# own description, served by Prism, that refuses every request it does not allow.
#
# Usage:  eng/image.sh [build] [try]      default: both
# Needs:  buildah or docker; to try it also node, and npm ci in eng/contract (done when missing).
# Environment:
#   IMAGE        name of the image                                            default: posttraingate
#   BUILD_ARGS   more arguments for the build, such as a volume with package sources
#   SAMPLE       folder with the policy that is tried                         default: samples/credit
#   EXPECT       exit code that the policy leads to                           default: 1, a gate fails
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

image=${IMAGE:-posttraingate} sample=${SAMPLE:-samples/credit} expect=${EXPECT:-1}
read -ra build_args <<<"${BUILD_ARGS:-}"
if command -v buildah >/dev/null; then builder=buildah; else builder=docker; fi
bud() { buildah --storage-driver vfs "$@"; }
say() { printf '\n== %s\n' "$*"; }
die() { printf 'image.sh: %s\n' "$*" >&2; exit 1; }

build() {
  say "Building $image with $builder"
  if [ $builder = buildah ]; then
    # Base images are taken as they are here: where no registry can be reached, local stand-ins bear the same names.
    bud bud --isolation chroot --pull-never --layers ${build_args[@]+"${build_args[@]}"} -t "$image" -f Dockerfile .
    bud images --format '{{.Name}}:{{.Tag}} {{.Size}}' | grep -F "$image:" || true
  else
    docker build ${build_args[@]+"${build_args[@]}"} -t "$image" .
    docker image ls "$image"
  fi
}

# Runs the image as the runner does. The arguments are those of action.yml.
run() {
  local mounts=(-v "$work/workspace:/github/workspace" -v "$work/home:/github/home" -v "$work/commands:/github/file_commands" -v "$work/workflow:/github/workflow")
  local env=(
    -e GITHUB_ACTIONS=true -e GITHUB_WORKSPACE=/github/workspace -e HOME=/github/home
    -e GITHUB_EVENT_NAME=pull_request -e GITHUB_EVENT_PATH=/github/workflow/event.json
    -e GITHUB_STEP_SUMMARY=/github/file_commands/summary -e GITHUB_OUTPUT=/github/file_commands/output
    -e GITHUB_REPOSITORY=octo/models -e GITHUB_RUN_ID=500 -e GITHUB_RUN_ATTEMPT=1 -e GITHUB_SERVER_URL=https://github.com
    -e GITHUB_API_URL="http://127.0.0.1:$port" -e GITHUB_GRAPHQL_URL="http://127.0.0.1:$port/graphql" -e INPUT_TOKEN=a-token)
  local args=(check gate --format=github --repair=true --comment=always --verbosity=normal)
  if [ $builder = buildah ]; then
    # buildah runs commands, not entry points, and knows -e as --env
    bud run --isolation chroot --network host --workingdir /github/workspace "${mounts[@]}" "${env[@]/#-e/--env}" "$container" -- /app/entrypoint "${args[@]}"
  else
    docker run --rm --network host --workdir /github/workspace "${mounts[@]}" "${env[@]}" "$image" "${args[@]}"
  fi
}

try() {
  command -v node >/dev/null || die "node is needed to serve GitHub's description"
  [ -d eng/contract/node_modules ] || npm ci --prefix eng/contract --no-audit --no-fund
  work=$(mktemp -d) container='' prism=''
  trap 'kill $prism 2>/dev/null || true; [ -z "$container" ] || bud rm "$container" >/dev/null; rm -rf "$work"' EXIT

  say "Serving GitHub's description"
  port=${PORT:-$((20000 + RANDOM % 20000))}
  node eng/contract/node_modules/@stoplight/prism-cli/dist/index.js mock --host 127.0.0.1 --port "$port" --errors \
    eng/contract/node_modules/@octokit/openapi/generated/api.github.com.json >"$work/prism.log" 2>&1 &
  prism=$!
  for _ in $(seq 180); do grep -q 'Prism is listening' "$work/prism.log" && break; sleep 1; done
  grep -q 'Prism is listening' "$work/prism.log" || die "Prism did not start: $(tail -3 "$work/prism.log")"

  # A checkout of one commit, owned by the runner's user, as on GitHub's own machines.
  local owner=1001
  mkdir -p "$work"/{workspace,home,commands,workflow}
  cp -RL "$sample" "$work/workspace/gate"
  rm -rf "$work/workspace/gate/posttraingate-report"
  git -C "$work/workspace" init -q -b main
  git -C "$work/workspace" add -A
  git -C "$work/workspace" -c user.name=image -c user.email=image@example.com commit -q -m base
  local base; base=$(git -C "$work/workspace" rev-parse HEAD)
  printf '{"action":"synchronize","pull_request":{"number":7,"head":{"sha":"%s"},"base":{"sha":"%s"}}}' "$base" "$base" >"$work/workflow/event.json"
  touch "$work/commands/summary" "$work/commands/output"
  chown -R $owner:$owner "$work"/{workspace,home,commands,workflow}
  chmod 755 "$work"

  say "Running $image for a pull request"
  if [ $builder = buildah ]; then container=$(bud from --pull-never "$image"); fi
  local code=0 began=$SECONDS
  run || code=$?
  say "Exit code $code after $((SECONDS - began)) s"

  [ "$code" = "$expect" ] || die "expected exit code $expect"
  grep -q 'post /repos/octo/models/issues/7/comments' "$work/prism.log" || die "no comment was posted"
  ! grep -A4 'comments.*Request received' "$work/prism.log" | grep -q Violation || die "GitHub's description refuses a request: $(grep Violation "$work/prism.log")"
  grep -q '^## ' "$work/commands/summary" || die "the job summary is empty"
  grep -q '^outcome<<' "$work/commands/output" || die "no outputs were set"
  [ -s "$work/workspace/gate/posttraingate-report/gate-result.json" ] || die "there is no report"
  [ -z "$(find "$work/workspace" "$work/home" ! -uid $owner)" ] || die "the gate did not run as the checkout's owner: $(find "$work/workspace" "$work/home" ! -uid $owner | head -3)"
  say "Comment accepted, summary and outputs written, every file the checkout owner's"
}

[ $# -gt 0 ] || set -- build try
for step in "$@"; do
  case $step in
    build | try) "$step" ;;
    *) die "there is no step '$step'; build and try" ;;
  esac
done
