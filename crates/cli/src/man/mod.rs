//! `tacho man`: the manual pages.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::args::Cli;
use crate::error::Error;
use crate::output::print;

const AFTER_HELP: &str = "\
  tacho man | man -l -                       # to read it
  tacho man -o ~/.local/share/man/man1       # tacho(1), tacho-run(1) and so on, for `man tacho-run`";

/// Write the manual pages
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ManArgs {
    /// Folder for a page of each command; it is made if need be [default: the main page to standard output]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Writes them.
pub(crate) fn run(args: &ManArgs) -> Result<ExitCode, Error> {
    if let Some(folder) = &args.output {
        let failed = |source| Error::Write {
            path: folder.clone(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = Vec::new();
    // As in the folder: `tacho help` has no page.
    let command = Cli::command().disable_help_subcommand(true);
    Man::new(command).render(&mut page).map_err(Error::Output)?;
    print(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}
