//! Sets tachograph beside its rivals and beside the clock, in one run, and says which targets are met.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use tachograph_benches::compare::{
    Machine, OPERATIONS, Plan, Report, Results, draw, judge, measure, measure_growth, splice,
};
use tachograph_benches::frame_loop::{self, LoopPlan};

/// Measure every hot call beside what else does the same work.
#[derive(Debug, Parser)]
struct Args {
    /// Only these operations, by their short names; reductions and loops are left out then.
    #[arg(value_name = "OPERATION")]
    operations: Vec<String>,
    /// Interleaved rounds.
    #[arg(long, default_value_t = Plan::default().rounds)]
    rounds: usize,
    /// Take a tenth of the time: to see that it works, not for figures.
    #[arg(long)]
    quick: bool,
    /// Seconds for each of the two pixel loops, at 30 fps and unpaced; 0 leaves them out.
    #[arg(long, default_value_t = 60.0)]
    loop_seconds: f64,
    /// Replace the generated section of this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draw the chart to this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let report = run(&args)?;
    println!("{}", report.text());
    if let Some(path) = &args.svg {
        fs::write(path, draw(&report.results)?)?;
    }
    if let Some(path) = &args.markdown {
        // The chart is expected beside the document.
        let chart = args.svg.as_ref().and_then(|svg| svg.file_name());
        let section = report.markdown(chart.and_then(|name| name.to_str()));
        let document = fs::read_to_string(path)?;
        let spliced = splice(&document, &section).ok_or("the file has no markers")?;
        fs::write(path, spliced)?;
    }
    Ok(())
}

fn run(args: &Args) -> Result<Report, Box<dyn Error>> {
    let plan = if args.quick {
        Plan {
            rounds: 5,
            instances: 1,
            haste: 10,
        }
    } else {
        Plan {
            rounds: args.rounds.max(1),
            ..Plan::default()
        }
    };
    let all = args.operations.is_empty();
    let wanted = |id: &str| all || args.operations.iter().any(|name| name == id);
    let mut results: Vec<Results> = Vec::new();
    for (id, make) in OPERATIONS {
        if wanted(id) {
            eprintln!("{id} …");
            results.push(measure(make, plan));
        }
    }
    let growth = (all || wanted("reduce")).then(|| {
        eprintln!("reduce …");
        measure_growth(plan)
    });
    let loops = if all && args.loop_seconds > 0.0 {
        Some(pixel_loops(args)?)
    } else {
        None
    };
    let paced = loops.as_ref().map(|(_, paced, _)| paced);
    let judged = judge(&results, growth.as_ref(), paced);
    Ok(Report {
        machine: Machine::here(),
        plan,
        results,
        growth,
        loops,
        judged,
    })
}

type Loops = (LoopPlan, frame_loop::Pair, frame_loop::Pair);

fn pixel_loops(args: &Args) -> Result<Loops, Box<dyn Error>> {
    let seconds = args.loop_seconds / if args.quick { 10.0 } else { 1.0 };
    let blocks = 3;
    let plan = LoopPlan {
        blocks,
        block: Duration::from_secs_f64(seconds / (2 * blocks) as f64),
    };
    eprintln!("pixel loops …");
    Ok((
        plan,
        frame_loop::run(plan, true)?,
        frame_loop::run(plan, false)?,
    ))
}
