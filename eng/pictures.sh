#!/usr/bin/env bash
# Makes the pictures of README.md and docs/pull-request.md from real runs: what a pull request shows, as the test
# PullRequestWalkTests leaves it, rendered by GitHub's own Markdown renderer with GitHub's style; and the terminal.
#
# Usage:  eng/pictures.sh         writes the pictures in .github/images
# Needs:  Debian's chromium, cmark-gfm, tmux, aha, pngquant, fonts-noto-color-emoji; npm ci in eng/contract.
# Environment:
#   TERMINAL  policy of the terminal     default: samples/credit
#   COLUMNS   width of the terminal      default: 80
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for tool in chromium cmark-gfm tmux aha pngquant; do
  command -v $tool >/dev/null || { echo "pictures.sh: $tool is missing" >&2; exit 1; }
done
css=$PWD/eng/contract/node_modules/github-markdown-css/github-markdown-light.css
[ -e "$css" ] || { echo "pictures.sh: run npm ci in eng/contract" >&2; exit 1; }
images=$PWD/.github/images
work=$(mktemp -d)
trap 'tmux -L posttraingate kill-server 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$images"

dotnet build tests/PostTrainGate.Cli.Tests -c Release -v quiet -nologo
gate=$PWD/src/PostTrainGate.Cli/bin/Release/net10.0/PostTrainGate.Cli
POSTTRAINGATE_WALK=$work/walk dotnet run --project tests/PostTrainGate.Cli.Tests -c Release --no-build -- \
  --filter-class '*.PullRequestWalkTests'

browse() {
  chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update \
    --disable-sync --hide-scrollbars --user-data-dir="$work/profile" "$@" 2>/dev/null
}

# A page's picture, as high as its content.
picture() { # page width name
  local height
  echo '<script>document.documentElement.dataset.height = Math.ceil(Math.max(...[...document.body.children].map(e => e.getBoundingClientRect().bottom))) + 16</script>' >>"$1"
  height=$(browse --window-size="$2,400" --dump-dom "file://$1" | sed -n 's/.*data-height="\([0-9]*\)".*/\1/p' | head -n 1)
  browse --window-size="$2,$height" --force-device-scale-factor=2 --screenshot="$work/picture.png" "file://$1" >/dev/null
  pngquant --force --output "$images/$3.png" "$work/picture.png"
  ls -l "$images/$3.png"
}

comment() { # Markdown name
  {
    printf '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="file://%s">' "$css"
    cat <<'P'
<style>
  body { margin: 0; background: #fff; font: 14px system-ui, sans-serif }
  .comment { margin: 16px; border: 1px solid #d1d9e0; border-radius: 6px }
  .head { padding: 8px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; border-radius: 6px 6px 0 0; color: #59636e }
  .head b { color: #1f2328 } .head i { font-style: normal; border: 1px solid #d1d9e0; border-radius: 2em; padding: 0 7px; font-size: 12px }
  .markdown-body { padding: 16px; font-size: 14px }
</style>
<div class="comment"><div class="head"><b>github-actions</b> <i>bot</i> commented now</div><div class="markdown-body">
P
    cmark-gfm --unsafe -e table -e autolink -e strikethrough -e tagfilter "$1"
    echo '</div></div>'
  } >"$work/$2.html"
  picture "$work/$2.html" 880 "$2"
}

# Text with a terminal's colors from standard input.
screen() { # width name
  {
    echo '<!doctype html><meta charset="utf-8"><style>body { margin: 0; background: #fff } .screen { margin: 16px; padding: 14px 18px; border-radius: 8px; background: #0d1117; color: #e6edf3 } pre { margin: 0; font: 13px/1.4 "DejaVu Sans Mono", monospace }</style><div class="screen"><pre>'
    aha --no-header --black
    echo '</pre></div>'
  } >"$work/$2.html"
  picture "$work/$2.html" "$1" "$2"
}

comment "$work/walk/red.md" walk-red
sed -i "0,/<details>/s//<details open>/" "$work/walk/green.md" # the figures that were promised
comment "$work/walk/green.md" walk-green
screen 900 walk-commit <"$work/walk/commit.txt"

# The report of the merge, without the rule that no script may run.
sed '/Content-Security-Policy/,/content=/d' "$work/walk/merged.html" >"$work/walk-history.html"
picture "$work/walk-history.html" 880 walk-history

terminal=${TERMINAL:-samples/credit}
tmux -L posttraingate -f /dev/null new-session -d -x "${COLUMNS:-80}" -y 60 \
  "printf '\$ posttraingate check $terminal\n'; TERM=xterm-256color $gate check $terminal; touch $work/done; sleep 60"
until [ -e "$work/done" ]; do sleep 1; done
sleep 1
tmux -L posttraingate capture-pane -pe | sed -e :a -e '/^[[:space:]]*$/{$d;N;ba' -e '}' >"$work/terminal.txt"
screen $((${COLUMNS:-80} * 8 + 70)) terminal <"$work/terminal.txt"
