#!/usr/bin/env bash
# Builds the optimised program: target/meridian and target/site are the whole installation.
# Does nothing when no input changed since the last build.
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

# What the build reads. A new folder that ends up in the program belongs here.
inputs=(Cargo.toml Cargo.lock Leptos.toml .cargo package-lock.json scripts/build.sh src style public migrations)

fingerprint() {
    {
        rustc --version
        find "${inputs[@]}" -type f -print0 | sort -z | xargs -0 sha256sum
    } | sha256sum | cut -d ' ' -f 1
}

has rustc || scripts/tools.sh build
lock build
now=$(fingerprint)
if [ "$(cat target/built 2>/dev/null)" = "$now" ] && [ -x target/meridian ] && [ -d target/site/pkg ]; then
    say "The optimised program is up to date"
    exit
fi

scripts/tools.sh build
mkdir -p target
rm -f target/built

say "Building the optimised program (about 9 minutes on two cores, longer the first time)"
began=$SECONDS
cargo-leptos build --release --split --precompress --cargo-locked

# Cargo's folder is shared by every checkout, so what was built here is kept here. The names of the hashed files
# belong to the site, not to the binary.
release=$CARGO_TARGET_DIR/release
cp "$release/hash.txt" target/site/hash.txt
rm -f target/site/pkg/*.d.*.ts*
cp "$release/meridian" target/meridian.new
mv target/meridian.new target/meridian
printf '%s\n' "$now" >target/built
say "Built target/meridian and target/site in $((SECONDS - began)) s"
