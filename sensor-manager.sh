#!/usr/bin/env bash
# The commands of the script that was here, passed on to what replaces them: docs/sensors/old-and-new.md
new="$(dirname "${BASH_SOURCE[0]}")/.venv/bin/bacalhau-cosmos"
[ -x "$new" ] || new=bacalhau-cosmos
[ $# -gt 0 ] || set -- help
echo "sensor-manager.sh: replaced by \`bacalhau-cosmos sensors $1\`, with the same options" >&2
exec "$new" sensors "$@"
