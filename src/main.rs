//! The command line: see `meridian --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    meridian::server::cli::main()
}
