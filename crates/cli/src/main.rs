//! The binary `tacho`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tachograph_cli::main()
}
