//! The report, Markdown.

use std::fmt::Write as _;
use std::process::Command;

use sysinfo::{CpuRefreshKind, RefreshKind, System};

use crate::args::Args;
use crate::gauge::Slice;
use crate::readers;
use crate::run::{LOG_INTERVAL, ROTATE_BYTES, ROTATE_FILES, Soaked};
use crate::verdict::{least, lines_due, median, thirds};

pub(crate) fn markdown(args: &Args, soaked: &Soaked, faults: &[String]) -> String {
    let mut text = String::from("# Soak\n\n");
    // Writing to a string cannot fail.
    _ = head(&mut text, args, soaked);
    _ = figures(&mut text, &soaked.slices);
    _ = totals(&mut text, soaked);
    text.push_str("\n## Verdict\n\n");
    if faults.is_empty() {
        text.push_str(
            "Nothing grew, nothing is missing and nothing is there twice: memory, open files, threads, cost of a frame, frames, samples, \
             log lines.\n",
        );
    }
    for fault in faults {
        // A snapshot that cannot be is a long one.
        let short: String = fault.chars().take(300).collect();
        _ = writeln!(text, "- {short}");
    }
    text
}

fn head(text: &mut String, args: &Args, soaked: &Soaked) -> std::fmt::Result {
    let seconds = args.duration.as_secs();
    let length = if seconds.is_multiple_of(60) {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    };
    let Args {
        fps,
        threads,
        readers,
        ..
    } = args;
    let planted = args.plant.map_or(String::new(), |plant| {
        format!(" --plant {plant:?}").to_lowercase()
    });
    writeln!(
        text,
        "```sh\ncargo run --release -p tachograph-tests --bin soak -- --duration {length} --fps {fps} --threads {threads} --readers \
         {readers}{planted}\n```\n"
    )?;
    writeln!(text, "{}\n", machine(soaked))?;
    let spin = readers.min(&readers::spinning()).to_owned();
    writeln!(
        text,
        "{threads} threads record {fps} frames a second *each*, a frame with two stages, a scope, a counter and an outcome; {readers} readers check every \
         snapshot they load, {spin} of them in a tight loop and the rest in bursts of 10 000 loads with 5 ms between. \
         A log line every {} ms, rotated at {} KiB, {ROTATE_FILES} files kept; each is read back while the run goes on.\n",
        LOG_INTERVAL.as_millis(),
        ROTATE_BYTES >> 10
    )
}

fn machine(soaked: &Soaked) -> String {
    let asked = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(asked).ok();
    let cpus = system.as_ref().map_or(&[][..], System::cpus);
    let brand = cpus
        .first()
        .map_or("unknown processor", |cpu| cpu.brand().trim());
    let named = System::long_os_version().unwrap_or_else(|_| "unknown system".to_owned());
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|said| String::from_utf8(said.stdout).ok());
    let rustc = rustc.unwrap_or_else(|| "rustc unknown".to_owned());
    let of =
        |of: fn(&Slice) -> Option<f64>| median(&soaked.slices, |slice| of(slice).unwrap_or(0.0));
    let (all, own) = (of(|slice| slice.machine_cpu), of(|slice| slice.own_cpu));
    format!(
        "{brand}, {} cores, {named}, {}; {}; {}. The machine was {all:.0} % busy, {own:.0} % with this.",
        cpus.len(),
        System::cpu_arch(),
        rustc.trim(),
        soaked.last.time
    )
}

fn figures(text: &mut String, slices: &[Slice]) -> std::fmt::Result {
    let [start, middle, end] = thirds(slices);
    writeln!(
        text,
        "Medians over the seconds of each third, after the warm-up ({} s); of files and threads the least.\n\n\
         | | start | middle | end |\n|---|---:|---:|---:|",
        slices.len() - start.len() - middle.len() - end.len()
    )?;
    let parts = [start, middle, end];
    let mut row = |name: &str, cells: [String; 3]| {
        let [start, middle, end] = cells;
        writeln!(text, "| {name} | {start} | {middle} | {end} |")
    };
    let nanos = |of: fn(&Slice) -> u64| {
        parts.map(|part| format!("{:.0}", median(part, |slice| of(slice) as f64)))
    };
    let number = |of: fn(&Slice) -> Option<usize>| {
        parts.map(|part| least(part, of).map_or("not known".to_owned(), |n| n.to_string()))
    };
    row(
        "resident memory, MiB",
        parts.map(|part| format!("{:.2}", median(part, |slice| slice.resident_mib))),
    )?;
    row("open files", number(|slice| slice.handles))?;
    row("threads", number(|slice| slice.threads))?;
    row("frames a second", nanos(|slice| slice.frames))?;
    row("recording a frame, p50, ns", nanos(|slice| slice.p50))?;
    row("p99, ns", nanos(|slice| slice.p99))?;
    row("p99.9, ns", nanos(|slice| slice.p999))?;
    let overhead = |slice: &Slice| slice.overhead.unwrap_or(0.0);
    row(
        "overhead, % of a core",
        parts.map(|part| format!("{:.2}", median(part, overhead))),
    )
}

fn totals(text: &mut String, soaked: &Soaked) -> std::fmt::Result {
    let last = &soaked.last;
    let reads: u64 = soaked.readers.iter().map(|seen| seen.reads).sum();
    let snapshots: u64 = soaked.readers.iter().map(|seen| seen.snapshots).sum();
    let overhead = last.metrics_collection_overhead_percent.unwrap_or(0.0);
    let met = if overhead < 1.0 { "under" } else { "not under" };
    writeln!(
        text,
        "\n{} frames in {:.0} s; {} samples, {} of them overwritten before they were read, which only the lifetime histogram lacks. {reads} loads by readers saw {snapshots} \
         different snapshots. {} log lines of {:.0} that were due. Overhead at the end {overhead:.2} % of a core, {met} 1 %.",
        last.frames_processed,
        soaked.length.as_secs_f64(),
        last.samples_recorded,
        last.samples_overwritten,
        soaked.log.lines,
        lines_due(soaked)
    )
}
