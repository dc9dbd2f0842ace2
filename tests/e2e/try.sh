#!/bin/bash
# Builds a template against a local EC2: no account, no network, no cost.
#
#   tests/e2e/try.sh target/release/amibake build -var-file packer-vars.json packer-template.json
#
# Prints afterwards which images were made, what is in them and what was left behind. Options go before the command:
# tests/e2e/try.sh --help
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh" >&2
exec "$here/../../target/e2e-venv/bin/python" "$here/ec2.py" "$@"
