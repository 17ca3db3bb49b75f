//! `tacho watch` and `tacho run --watch`: a live dashboard in the terminal.
//!
//! ```text
//! files ─▶ follower (a thread) ─▶ looks ─▶ state ─▶ ui: a pure function ─▶ screen
//!                                keys ─────┘
//! ```

mod beside;
mod dashboard;
mod follow;
mod history;
mod intervals;
mod picture;
mod signals;
mod state;
mod terminal;
mod text;
mod theme;
mod ui;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tachograph::Config;

use crate::error::Error;
use crate::lines::DEFAULT_LOG;
use crate::stop::Stop;
pub(crate) use beside::Beside;
use dashboard::{Dashboard, Quit};
pub(crate) use terminal::restore;
use theme::Theme;

const AFTER_HELP: &str = "\
While it runs, the loop renews its newest snapshot each second; that needs leave to write beside the log.
Keys are shown at the bottom; ? explains the rest.

  tacho watch
  tacho watch /var/log/camera/metrics.json --config tacho.toml

Exit codes: 0 when you quit or a signal came; 2 for wrong usage or configuration, or without a terminal.";

/// Show a running loop in the terminal, live, from the files that it writes
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct WatchArgs {
    /// The log; it need not exist yet
    #[arg(default_value = DEFAULT_LOG)]
    log: PathBuf,

    /// Configuration file (TOML) with the targets
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// No colour, as with `NO_COLOR`
    #[arg(long, help = "No colour, as with NO_COLOR")]
    no_color: bool,

    /// Nothing but ASCII
    #[arg(
        long,
        help = "Nothing but ASCII, for terminals without block characters"
    )]
    ascii: bool,
}

/// Shows the loop until somebody quits or a signal comes.
pub(crate) fn run(args: &WatchArgs) -> Result<ExitCode, Error> {
    check_terminal("tacho watch")?;
    let config = Config::load(args.config.as_deref(), std::iter::empty())?;
    let mut theme = Theme::detect();
    theme.color &= !args.no_color;
    theme.ascii |= args.ascii;
    let stop = Stop::on_signal()?;
    let ended = Dashboard::new(&args.log, config.targets, theme).run(&stop, || Quit::Now)?;
    for problem in ended.problems {
        eprintln!("tacho: warning: {}", text::clean(&problem));
    }
    ended.result.map_err(Error::Terminal)?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses what is no terminal that a dashboard can be shown on.
pub(crate) fn check_terminal(command: &str) -> Result<(), Error> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if io::stdout().is_terminal() && !is_dumb {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "{command} needs a terminal on standard output; `tacho tail` shows a log as text"
    )))
}
