#!/usr/bin/env bash
# Builds what changed and serves it, with a demo on first start.
# PORT, DATA_DIR and DATABASE_URL choose the place; every MERIDIAN_* variable works too.
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

scripts/build.sh

export MERIDIAN_DATA_DIR=${MERIDIAN_DATA_DIR:-${DATA_DIR:-$PWD/data}}
export MERIDIAN_LISTEN=${MERIDIAN_LISTEN:-127.0.0.1:${PORT:-3000}}
export MERIDIAN_SITE_DIR=${MERIDIAN_SITE_DIR:-$PWD/target/site}
export MERIDIAN_DEMO=${MERIDIAN_DEMO:-true}
if [ -n "${DATABASE_URL:-}" ]; then export MERIDIAN_DATABASE_URL=${MERIDIAN_DATABASE_URL:-$DATABASE_URL}; fi

say "Starting Meridian on http://$MERIDIAN_LISTEN, data in $MERIDIAN_DATA_DIR (Ctrl-C stops it)"
exec target/meridian serve
