#!/usr/bin/env bash
# Makes the commit that users of the action name: that of a release, with actions that run what the release published, the image by
# its digest and the tool by its version. Prints the commit's hash. No branch and no file of the checkout changes.
#
# Usage:  eng/release-action.sh VERSION IMAGE@sha256:DIGEST
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() { printf 'release-action.sh: %s\n' "$*" >&2; exit 1; }
[ $# -eq 2 ] || die 'usage: eng/release-action.sh VERSION IMAGE@sha256:DIGEST'
version=$1 image=$2
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || die "'$version' is no version such as 1.2.3"
[[ $image =~ ^[a-z0-9./_-]+@sha256:[0-9a-f]{64}$ ]] || die "'$image' is no image with its digest"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_INDEX_FILE=$work/index
git read-tree HEAD

# Replaces one line of a file.
pin() {
  local file=$1 line=$2 pinned=$3 blob
  [ "$(git show "HEAD:$file" | grep -cxF -- "$line")" = 1 ] || die "$file has not one line '$line'"
  blob=$(git show "HEAD:$file" | awk -v line="$line" -v pinned="$pinned" '{ print $0 == line ? pinned : $0 }' | git hash-object -w --stdin)
  git update-index --cacheinfo "100644,$blob,$file"
}
pin action.yml '  image: Dockerfile' "  image: docker://$image"
pin eng/action/action.yml '        POSTTRAINGATE_VERSION: ""' "        POSTTRAINGATE_VERSION: \"$version\""

# The date of the release's commit, so that to make it again gives the same.
export GIT_AUTHOR_DATE GIT_AUTHOR_NAME='github-actions[bot]' GIT_AUTHOR_EMAIL='41898282+github-actions[bot]@users.noreply.github.com'
GIT_AUTHOR_DATE=$(git show -s --format=%cI HEAD)
export GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
git commit-tree "$(git write-tree)" -p HEAD -m "Run what release $version published"
