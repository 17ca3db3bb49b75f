//! `tacho completions`: what a shell needs to complete the command line.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::Error;
use crate::output::print;

const AFTER_HELP: &str = "\
  tacho completions bash > ~/.local/share/bash-completion/completions/tacho
  tacho completions zsh > ~/.zfunc/_tacho      # with `fpath+=~/.zfunc` before compinit in ~/.zshrc
  tacho completions fish > ~/.config/fish/completions/tacho.fish";

/// Print what a shell needs to complete `tacho`
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tacho", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
