#!/usr/bin/env bash
# `make demo`: generate mailboxes, capture and index them through Airflow, report. `make up`: Airflow over the same archive.
# Safe to repeat: what is captured is not captured again.
set -euo pipefail
cd "$(dirname "$0")/.."

export CAPSTONE_HOME="${CAPSTONE_HOME:-$PWD/.capstone/demo}"
capstone="$PWD/.venv/bin/capstone"
python="$PWD/.venv/bin/python"

"$capstone" demo generate
# The commands say what to do next; here that is done below.
export CAPSTONE_CONFIG="$CAPSTONE_HOME/capstone.toml"
"$capstone" init > "$CAPSTONE_HOME/init.log"
"$capstone" officials import "$CAPSTONE_HOME/officials.csv" | { grep -v "^Next:" || true; }

if [ "${1:-demo}" = up ]; then
    exec "$python" scripts/airflow_local.py up
fi

"$python" scripts/airflow_local.py run capture_mail index_records
"$capstone" demo report
