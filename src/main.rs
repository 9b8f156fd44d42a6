//! The command line: see `meridian --help`.

use std::process::ExitCode;

/// Rendering a page makes and drops thousands of small strings; the system's allocator was a seventh of that time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    meridian::server::cli::main()
}
