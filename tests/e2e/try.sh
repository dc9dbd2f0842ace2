#!/bin/bash
# Builds a template against a local EC2: no account, no network, no cost.
#
#   tests/e2e/try.sh                                   bakes the template at the top of the project with the program built here
#   tests/e2e/try.sh amibake build TEMPLATE            any command, any template
#   tests/e2e/try.sh --help                            times and faults, given before the command
#
# Prints afterwards which images were made, what is in them and what was left behind.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
"$here/setup.sh" >&2
if (($# == 0)); then
  cd "$root"
  echo "building amibake (the first time takes minutes: the AWS SDK is large)" >&2
  # With a test beside it, so that the SDK is built as tests/run will want it, and only once.
  cargo build --quiet --bin amibake --test e2e
  set -- target/debug/amibake build -var-file packer-vars.json packer-template.json
fi
exec "$root/target/e2e-venv/bin/python" "$here/ec2.py" "$@"
