#!/usr/bin/env bash
# Everything: lint, all tests on SQLite and PostgreSQL, and the optimised program in Chromium.
# MERIDIAN_TEST_POSTGRES names a server to use; without it a throw-away one is started.
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

if [ -z "${MERIDIAN_TEST_POSTGRES:-}" ]; then
    # First what needs a person, if anything does; not after half an hour.
    scripts/tools.sh test build lint
    exec scripts/postgres.sh run "$0"
fi

began=$SECONDS
scripts/lint.sh
# Most tests wait for other processes: twice as many at once as there are cores keep these busy.
RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(getconf _NPROCESSORS_ONLN)))}
export RUST_TEST_THREADS
step "Tests on both databases" \
    cargo test "${quiet[@]}" --locked --no-fail-fast --features ssr
scripts/e2e.sh
say "Everything passed in $((SECONDS - began)) s"
