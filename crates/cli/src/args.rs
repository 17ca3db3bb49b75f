//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::check::CheckArgs;
use crate::compare::CompareArgs;
use crate::completions::CompletionsArgs;
use crate::man::ManArgs;
use crate::report::ReportArgs;
use crate::tail::TailArgs;
use crate::trace::TraceArgs;
use crate::watch::WatchArgs;

const AFTER_HELP: &str = "\
ffmpeg feeds any camera or file:
  ffmpeg -i SOURCE -f yuv4mpegpipe -pix_fmt yuv420p - | tacho run --input -

Exit codes: 0 when the input ended, the time was over or a signal came; 1 when the run failed;
2 for wrong usage or configuration.";

/// Runs an instrumented frame loop, and watches, reports and judges what any such loop has logged.
#[derive(Debug, Parser)]
#[command(name = "tacho", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Watch(WatchArgs),
    Report(ReportArgs),
    Check(CheckArgs),
    Compare(CompareArgs),
    Tail(TailArgs),
    Trace(TraceArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Run the frame loop, with its metrics logged and its status on the console
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct RunArgs {
    /// YUV4MPEG2 file to read, or - for standard input [default: the synthetic camera]
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// Frames per second at which to go through the input [default: camera 30, files as fast as they can]
    #[arg(long, value_name = "N", value_parser = fps)]
    pub(crate) fps: Option<f64>,

    /// Go through a file at its own frame rate
    #[arg(long, conflicts_with = "fps")]
    pub(crate) realtime: bool,

    /// Stop after this time, such as 10m or "1h 30m" [default: at the end of the input]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,

    /// How often a line is logged and the status is shown, such as 60s or 500ms [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) metrics_interval: Option<Duration>,

    /// JSON Lines file for the metrics [default: logs/metrics.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// JSON Lines file for the events
    #[arg(long, value_name = "FILE", default_value = "logs/events.jsonl")]
    pub(crate) events: PathBuf,

    /// The share of the picture that has to change to count as motion, 0 to 1
    #[arg(long, value_name = "F", default_value_t = 0.002, value_parser = share)]
    pub(crate) motion_threshold: f64,

    /// Ollama-compatible server that describes events; `http` only
    #[arg(
        long,
        value_name = "URL",
        requires = "llm_model",
        help = "Ollama-compatible server that describes events, such as http://localhost:11434"
    )]
    pub(crate) llm_url: Option<String>,

    /// Model that it shall use, such as llava
    #[arg(long, value_name = "NAME", requires = "llm_url")]
    pub(crate) llm_model: Option<String>,

    /// How long a description may take
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        value_parser = duration,
        requires = "llm_url"
    )]
    pub(crate) llm_timeout: Duration,

    /// What the synthetic camera sees where
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "input")]
    pub(crate) seed: u64,

    /// Configuration file (TOML); the environment goes over it, and options over both
    #[arg(
        long,
        value_name = "FILE",
        help = "Configuration file (TOML); TACHOGRAPH_* variables go over it, options over those"
    )]
    pub(crate) config: Option<PathBuf>,

    /// Show the loop live in the terminal, as `tacho watch` does, instead of a status
    #[arg(
        long,
        conflicts_with = "quiet",
        help = "Show the loop live in the terminal, as tacho watch does, instead of its status"
    )]
    pub(crate) watch: bool,

    /// Print nothing but warnings and errors
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// What the command line amounts to where it is not a command to carry out.
pub(crate) enum NotACommand {
    /// Help or version, for standard output.
    Text(String),
    /// Something is wrong, in one sentence.
    Wrong(String),
}

/// Reads the command line.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, NotACommand> {
    use clap::error::ErrorKind;
    Cli::try_parse_from(arguments).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            NotACommand::Text(error.render().to_string())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            NotACommand::Wrong("a command is missing; try `tacho run --help`".to_owned())
        }
        _ => NotACommand::Wrong(one_sentence(&error.render().to_string())),
    })
}

/// The first paragraph of an error, on one line and without the label that `tacho: ` takes the place of.
fn one_sentence(error: &str) -> String {
    let paragraph = error.lines().take_while(|line| !line.trim().is_empty());
    let sentence = paragraph.map(str::trim).collect::<Vec<_>>().join(" ");
    let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
    sentence.to_owned()
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match tachograph::parse_duration(text)? {
        Duration::ZERO => Err("a time above 0 is needed".to_owned()),
        duration => Ok(duration),
    }
}

fn fps(text: &str) -> Result<f64, String> {
    number(text, 0.01, 10_000.0)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0)
}

fn number(text: &str, low: f64, high: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(format!("not a number from {low} to {high}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(arguments: &[&str]) -> String {
        let all = ["tacho", "run"].iter().chain(arguments).map(OsString::from);
        match parse(all) {
            Err(NotACommand::Wrong(sentence)) => sentence,
            Err(NotACommand::Text(_)) => panic!("help"),
            Ok(cli) => panic!("{cli:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_as_people_write_them() {
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        for bad in ["", "0s", "-5s", "5", "soon", "1 fortnight"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wrong_argument_is_one_sentence_that_names_it() {
        for (arguments, named) in [
            (&["--fps", "NaN"][..], "--fps"),
            (&["--fps", "0"], "0.01"),
            (&["--duration", "soon"], "soon"),
            (&["--motion-threshold", "2"], "from 0 to 1"),
            (&["--llm-url", "http://x"], "--llm-model"),
            (&["--realtime", "--fps", "5"], "--realtime"),
            (&["--nonsense"], "--nonsense"),
        ] {
            let sentence = wrong(arguments);
            assert!(sentence.contains(named), "{sentence}");
            assert!(!sentence.contains('\n'), "{sentence}");
        }
    }

    #[test]
    fn no_command_and_help_are_told_apart() {
        let missing = parse(["tacho"].iter().map(OsString::from));
        assert!(matches!(missing, Err(NotACommand::Wrong(_))));
        let help = parse(["tacho", "run", "--help"].iter().map(OsString::from));
        let Err(NotACommand::Text(help)) = help else {
            panic!("no help");
        };
        assert!(help.contains("--motion-threshold"));
    }
}
