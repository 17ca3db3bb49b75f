//! `tacho`: runs an instrumented frame loop on real or synthetic video.
//!
//! ```text
//! source ─▶ feed ─▶ pipeline: motion ─▶ detect ─▶ suppress ─▶ describe ─▶ events
//!                       │
//!                       └─▶ tachograph: logs/metrics.json, status on the console
//! ```
//!
//! A library so that tests and fuzzers can reach what reads foreign bytes; its face is [`main`] and the video input.

mod args;
mod check;
mod collector;
mod compare;
mod completions;
mod console;
mod describe;
mod destination;
mod detect;
mod error;
mod events;
mod feed;
mod frame;
mod jpeg;
mod lines;
mod man;
mod motion;
mod output;
mod pipeline;
mod report;
mod run;
mod source;
mod stats;
mod stop;
mod suppress;
mod tail;
mod trace;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use args::{Command, NotACommand};
use error::Error;

pub use frame::{Frame, Subsampling};
pub use source::{Format, Source, SourceError, Y4m};

/// Does what the command line says: the whole of `tacho`.
pub fn main() -> ExitCode {
    let result = match args::parse(std::env::args_os()) {
        Ok(cli) => match cli.command {
            Command::Run(args) => run::run(&args).map(|()| ExitCode::SUCCESS),
            Command::Watch(args) => watch::run(&args),
            Command::Report(args) => report::report(&args),
            Command::Check(args) => check::check(&args),
            Command::Compare(args) => compare::compare(&args),
            Command::Tail(args) => tail::run(&args),
            Command::Trace(args) => trace::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        },
        Err(NotACommand::Text(text)) => {
            // `tacho --help | head` may close the pipe: nothing to complain about.
            let _ = write!(std::io::stdout(), "{text}");
            Ok(ExitCode::SUCCESS)
        }
        Err(NotACommand::Wrong(sentence)) => Err(Error::Usage(sentence)),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tacho: {error}");
            error.exit_code()
        }
    }
}
