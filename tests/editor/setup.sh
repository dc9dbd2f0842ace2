#!/bin/bash
# Installs VS Code's JSON engine and the public SARIF schema into target/editor, from the npm registry that this machine is set up for.
# Runs no script of theirs. Does nothing, quickly, where all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
packages=$here/../../target/editor

current() { cmp -s "$here/package-lock.json" "$packages/installed"; }
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "editor/setup.sh: no node and npm here: the tests of editors will be skipped" >&2
elif ! current; then
  echo "editor/setup.sh: installing VS Code's JSON engine into target/editor"
  mkdir -p "$packages"
  cp "$here/package.json" "$here/package-lock.json" "$packages/"
  npm ci --prefix "$packages" --ignore-scripts --no-audit --no-fund --silent
  cp "$here/package-lock.json" "$packages/installed" # last: says that all is there
fi
