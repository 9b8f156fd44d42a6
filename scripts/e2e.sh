#!/usr/bin/env bash
# The optimised program in Chromium. Arguments go to Playwright.
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

scripts/tools.sh test
scripts/build.sh
if [ -z "${MERIDIAN_TEST_POSTGRES:-}" ]; then exec scripts/postgres.sh run "$0" "$@"; fi

CHROMIUM=$(chromium_path)
export CHROMIUM MERIDIAN_SITE_DIR=$PWD/target/site
step "Browser tests" playwright test --config end2end "$@"
