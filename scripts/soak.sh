#!/usr/bin/env bash
# The soak of two-way sync in its full size, on SQLite and then on PostgreSQL, with the optimised program: 50 members with
# three calendars of 5,000 events each, 1,000 changes. MERIDIAN_SOAK_MEMBERS, _EVENTS, _CHANGES and _SEED choose another.
# The stand-in for Google needs some 3 GB of memory for the full size.
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

scripts/tools.sh test build
if [ -z "${MERIDIAN_TEST_POSTGRES:-}" ]; then exec scripts/postgres.sh run "$0" "$@"; fi

scripts/build.sh
export MERIDIAN_TEST_PROGRAM=$MERIDIAN_BIN
export MERIDIAN_SOAK_MEMBERS=${MERIDIAN_SOAK_MEMBERS:-50} MERIDIAN_SOAK_EVENTS=${MERIDIAN_SOAK_EVENTS:-5000}
export MERIDIAN_SOAK_CHANGES=${MERIDIAN_SOAK_CHANGES:-1000} MERIDIAN_SOAK_SEED=${MERIDIAN_SOAK_SEED:-1}
for database in sqlite postgres; do
    step "Soak, $database" cargo test "${quiet[@]}" --locked --features ssr --test app -- \
        --exact --nocapture "sync::soak::both_sides_agree_after_random_changes::$database"
done
