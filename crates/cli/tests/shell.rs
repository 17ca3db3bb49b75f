//! What shells and `man` get.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Finished, folder, has, run, skipped};
use tempfile::TempDir;

fn good(done: Finished) -> String {
    assert_eq!((done.code(), done.stderr.as_str()), (Some(0), ""));
    done.stdout
}

/// All commands, as `tacho --help` lists them.
fn commands(folder: &TempDir) -> Vec<String> {
    let help = good(run(folder, &["--help"]));
    let list = help.split("Commands:\n").nth(1).expect("a list");
    let commands = list.lines().take_while(|line| !line.is_empty());
    commands
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .filter(|command| command != "help")
        .collect()
}

#[test]
fn every_command_has_help_with_an_example() {
    let folder = folder();
    let commands = commands(&folder);
    assert!(commands.len() >= 5, "{commands:?}");
    for command in &commands {
        let help = good(run(&folder, &[command, "--help"]));
        let after = help.split("Print help").last().expect("an end");
        assert!(
            after.contains(&format!("tacho {command}")),
            "{command}: {help}"
        );
        let wide = help.lines().find(|line| line.chars().count() > 130);
        assert_eq!(wide, None, "{command}");
    }
}

/// What bash proposes for a command line whose last word is being typed.
fn proposals(folder: &TempDir, words: &[&str]) -> Vec<String> {
    // As bash itself does it when Tab is pressed: with the function that the script registers for `tacho`.
    let script = r#"
        source completions.bash
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        COMP_LINE="$*"
        COMP_POINT=${#COMP_LINE}
        function=$(complete -p tacho | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" tacho "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash")
        .args(["-c", script, "bash"])
        .args(words)
        .current_dir(folder.path())
        .output()
        .expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = folder();
    let script = good(run(&folder, &["completions", "bash"]));
    fs::write(folder.path().join("completions.bash"), script).expect("room");
    if !has("bash", "completions") {
        return;
    }
    for command in commands(&folder) {
        let start = &command[..command.len() - 1];
        let found = proposals(&folder, &["tacho", start]);
        assert!(found.contains(&command), "{start}: {found:?}");
    }
    assert_eq!(
        proposals(&folder, &["tacho", "tail", "--fol"]),
        ["--follow"]
    );
    let shells = proposals(&folder, &["tacho", "completions", ""]);
    assert!(shells.contains(&"zsh".to_owned()), "{shells:?}");
    assert_eq!(proposals(&folder, &["tacho", "nonsense-"]), [""; 0]);
}

#[test]
fn other_shells_read_their_scripts() {
    let folder = folder();
    for (shell, check) in [
        ("zsh", Some(&["-n"][..])),
        ("fish", Some(&["--no-execute"])),
        ("powershell", None),
        ("elvish", None),
    ] {
        let script = good(run(&folder, &["completions", shell]));
        assert!(script.contains("follow"), "{shell}");
        let Some(check) = check.filter(|_| has_optional(shell)) else {
            continue;
        };
        let path = folder.path().join(shell);
        fs::write(&path, script).expect("room");
        let output = Command::new(shell).args(check).arg(&path).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{shell}: {output:?}");
    }
    let done = run(&folder, &["completions", "tcsh"]);
    assert_eq!(done.code(), Some(2));
    assert!(done.sentence().contains("tcsh"));
}

/// A shell that few machines have.
fn has_optional(shell: &str) -> bool {
    Command::new(shell).arg("--version").output().is_ok()
}

#[test]
fn every_command_has_a_page_that_man_renders() {
    let folder = folder();
    assert_eq!(good(run(&folder, &["man", "-o", "man/man1"])), "");
    let page = |command: &str| folder.path().join(format!("man/man1/tacho-{command}.1"));
    let mut pages: Vec<_> = commands(&folder).iter().map(|it| page(it)).collect();
    pages.push(folder.path().join("man/man1/tacho.1"));
    let renderer = renderer();
    for page in &pages {
        let source = fs::read_to_string(page).unwrap_or_else(|_| panic!("no {}", page.display()));
        assert!(source.contains(".SH SYNOPSIS"), "{source}");
        if let Some(renderer) = renderer {
            let text = render(renderer, page);
            assert!(text.contains("tacho"), "{text}");
            assert!(text.contains("--help"), "{text}");
        }
    }
    let tail = fs::read_to_string(page("tail")).expect("there");
    assert!(tail.contains("tacho tail \\-f"), "its example: {tail}");
    let main = good(run(&folder, &["man"]));
    let written = fs::read_to_string(folder.path().join("man/man1/tacho.1")).expect("there");
    assert_eq!(main, written);
    let done = run(&folder, &["man", "-o", "/dev/null/x"]);
    assert_eq!(done.code(), Some(1));
    assert!(done.sentence().starts_with("cannot write /dev/null/x: "));
}

/// What renders manual pages here, with all its warnings on.
fn renderer() -> Option<&'static [&'static str]> {
    const RENDERERS: [&[&str]; 2] = [
        // Without what prints a letter twice for bold.
        &[
            "groff", "-man", "-Tascii", "-ww", "-P-c", "-P-b", "-P-o", "-P-u",
        ],
        &["mandoc", "-W", "warning"],
    ];
    let found = RENDERERS
        .into_iter()
        .find(|it| Command::new(it[0]).arg("--version").output().is_ok());
    if found.is_none() {
        skipped("manual pages, because there is neither groff nor mandoc");
    }
    found
}

fn render(renderer: &[&str], page: &Path) -> String {
    let output = Command::new(renderer[0])
        .args(&renderer[1..])
        .arg(page)
        .output()
        .expect("it runs");
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warnings.is_empty(), "{warnings}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
