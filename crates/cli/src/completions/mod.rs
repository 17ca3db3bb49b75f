//! `tacho completions`: what a shell needs to complete the command line.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::error::Error;

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
    match io::stdout().write_all(&script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(ExitCode::SUCCESS),
    }
}
