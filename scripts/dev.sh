#!/usr/bin/env bash
# Debug build, rebuilt and reloaded on every change.
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

scripts/tools.sh build

# A folder of its own: `make run` must not serve what this builds. File names carry no hash here, because
# cargo-leptos does not rename again when it rebuilds.
export LEPTOS_SITE_ROOT=target/dev-site LEPTOS_HASH_FILES=false
export LEPTOS_SITE_ADDR=127.0.0.1:${PORT:-3000} LEPTOS_RELOAD_PORT=$((${PORT:-3000} + 1))

export MERIDIAN_DATA_DIR=${MERIDIAN_DATA_DIR:-${DATA_DIR:-$PWD/data/dev}}
export MERIDIAN_LISTEN=${MERIDIAN_LISTEN:-$LEPTOS_SITE_ADDR}
export MERIDIAN_SITE_DIR=$PWD/$LEPTOS_SITE_ROOT
export MERIDIAN_DEMO=${MERIDIAN_DEMO:-true}
if [ -n "${DATABASE_URL:-}" ]; then export MERIDIAN_DATABASE_URL=${MERIDIAN_DATABASE_URL:-$DATABASE_URL}; fi

say "Building for development (about 4 minutes the first time), then watching"
# See build.sh: another checkout's library must not pass for ours.
rm -rf "$CARGO_TARGET_DIR"/front/wasm32-unknown-unknown/debug/.fingerprint/meridian-*
exec cargo-leptos watch --split -- serve
