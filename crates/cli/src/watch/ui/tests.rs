//! Whole screens, as they are expected to look.
//!
//! The expectations stand in `screens/`. After a change that is meant, `TACHOGRAPH_RENEW_SCREENS=1 cargo test -p tachograph-cli screens`
//! writes them anew: then look at each of them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossterm::event::{KeyCode, KeyEvent};
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use tachograph::{
    FrameRecord, FrameStage, InFlightStage, LifetimeStats, MetricsSnapshot, Targets, TimerStats,
};

use super::super::follow::Look;
use super::super::state::{State, Wish};
use super::super::theme::Theme;
use super::draw;
use crate::lines::empty;

/// 2026-01-01T00:00:00Z.
const START: f64 = 1_767_225_600.0;
const PLAIN: Theme = Theme {
    color: false,
    ascii: false,
};
const COLOR: Theme = Theme {
    color: true,
    ..PLAIN
};

fn state(theme: Theme) -> State {
    State::new("logs/metrics.json", Targets::default(), theme)
}

fn timer(count: u64, p50: f64, spread: f64) -> TimerStats {
    TimerStats {
        count,
        avg: p50 * 1.1,
        min: p50 / spread,
        max: p50 * spread * spread,
        p50,
        p95: p50 * spread,
        p99: p50 * spread * 1.5,
        span_s: 33.0,
        age_s: 0.4,
    }
}

/// What a camera at 30 frames per second has done after so many seconds.
fn snapshot(uptime: u32) -> MetricsSnapshot {
    let frames = u64::from(uptime) * 30;
    // Somewhat busier now and then.
    let busy = 1.0 + f64::from(uptime % 7) / 10.0;
    let seconds = f64::from(uptime);
    let mut snapshot = MetricsSnapshot {
        timestamp: START + seconds,
        time: format!("2026-01-01T00:{:02}:{:02}.000Z", uptime / 60, uptime % 60),
        version: "0.1.0".into(),
        sequence: u64::from(uptime) * 10,
        frames_processed: frames,
        frames_idle: frames * 7 / 10,
        frames_motion: frames / 10,
        events_suppressed: frames * 19 / 100,
        events_created: frames / 100,
        motion_detected: frames * 3 / 10,
        coreml_inference: timer(1000, 42.0 * busy, 1.6),
        llm_inference: timer(18, 2100.0 * busy, 1.2),
        frame_processing_latency: timer(18, 2200.0 * busy, 1.3),
        frame_idle: timer(1000, 3.1 * busy, 1.4),
        frame_motion: timer(180, 46.0 * busy, 1.4),
        frame_suppressed: timer(340, 47.0 * busy, 1.4),
        frame_event: timer(18, 2250.0 * busy, 1.4),
        process_cpu_usage: Some(12.4),
        process_cpu_cores_percent: Some(49.6),
        process_memory_mb: Some(1700.0),
        cpu_usage_current: Some(31.0),
        cpu_usage_avg: Some(28.0),
        memory_usage_mb: Some(6144.0),
        memory_usage_percent: Some(37.5),
        system_availability: Some(98.7),
        metrics_collection_overhead_percent: Some(0.12),
        uptime_seconds: seconds,
        downtime_seconds: 8.0,
        samples_recorded: frames * 3,
        ..MetricsSnapshot::default()
    };
    snapshot.custom.timers = [("motion_detection", 2.9), ("event_logging", 0.1)]
        .map(|(name, p50)| (Arc::from(name), timer(1000, p50 * busy, 1.5)))
        .into();
    snapshot.custom.counters = [(Arc::from("frames_dropped"), 3)].into();
    snapshot.lifetime = [(Arc::from("coreml_inference"), lifetime())].into();
    snapshot.in_flight = vec![in_flight("frame", 12.5), in_flight("llm_inference", 4200.0)];
    snapshot.slowest_frames = (0..8).map(frame).collect();
    snapshot
}

fn lifetime() -> LifetimeStats {
    LifetimeStats {
        count: 5400,
        sum_ms: 248_400.0,
        counted: 5400,
        p50: Some(44.0),
        p95: Some(71.0),
        p99: Some(104.0),
        p999: Some(131.0),
        ..LifetimeStats::default()
    }
}

fn in_flight(stage: &str, for_ms: f64) -> InFlightStage {
    InFlightStage {
        stage: stage.into(),
        for_ms,
    }
}

fn frame(place: u32) -> FrameRecord {
    let total = 2900.0 - f64::from(place) * 310.0;
    let is_event = !place.is_multiple_of(3);
    let stage = |name: &str, start: f64, end: f64| FrameStage {
        stage: name.into(),
        start_ms: total * start,
        ms: total * (end - start),
    };
    FrameRecord {
        lane: 0,
        number: 1800 - u64::from(place) * 97,
        outcome: if is_event { "event" } else { "failed" }.into(),
        event_id: is_event.then_some(1_767_225_600_000 + u64::from(place)),
        ms: total,
        age_s: 1.0 + f64::from(place) * 3.0,
        motion_ms: Some(total * 0.02),
        stages: vec![
            stage("motion_detection", 0.0, 0.02),
            stage("coreml_inference", 0.02, 0.1),
            stage("llm_inference", 0.15, 1.0),
        ],
        is_truncated: false,
    }
}

/// A histogram of two heaps, as a line has it.
fn histogram() -> String {
    let mut histogram = empty();
    for n in 0..900_u64 {
        histogram.record(30_000_000 + n * n * 30).expect("in range");
    }
    for n in 0..60_u64 {
        histogram
            .record(90_000_000 + n * 1_000_000)
            .expect("in range");
    }
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    serializer
        .serialize(&histogram, &mut bytes)
        .expect("written");
    STANDARD.encode(bytes)
}

/// Lines of three minutes, and then ten seconds of them live.
fn live(theme: Theme) -> State {
    let mut state = state(theme);
    let lines = (1..=3).map(|minute| {
        let mut line = snapshot(minute * 60);
        line.histograms = [(Arc::from("coreml_inference"), histogram())].into();
        line
    });
    let look = Look {
        lines: lines.collect(),
        exists: true,
        ..Look::default()
    };
    state.update(look, 0.0, START + 180.0);
    for second in 1..=10 {
        let now = f64::from(second);
        state.update(latest(snapshot(180 + second)), now, START + 180.0 + now);
    }
    state
}

fn latest(snapshot: MetricsSnapshot) -> Look {
    Look {
        latest: Some(snapshot),
        exists: true,
        ..Look::default()
    }
}

fn press(state: &mut State, codes: impl IntoIterator<Item = KeyCode>) {
    for code in codes {
        let wish = state.key(KeyEvent::from(code), 10.3);
        assert_eq!(wish, Wish::Draw, "{code:?}");
    }
}

fn drawn(state: &State, now: f64, size: (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("infallible");
    terminal
        .draw(|frame| draw(state, now, frame))
        .expect("infallible");
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let rows = buffer.content.chunks(width).map(|row| {
        // A wide character is followed by a cell that it covers.
        let mut covered = 0;
        let symbols = row.iter().filter_map(|cell| {
            if covered > 0 {
                covered -= 1;
                return None;
            }
            covered = super::super::text::width(cell.symbol()).saturating_sub(1);
            Some(cell.symbol())
        });
        symbols.collect::<String>().trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n") + "\n"
}

fn check(name: &str, state: &State, now: f64, size: (u16, u16)) {
    let found = text(&drawn(state, now, size));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/watch/ui/screens");
    let path = folder.join(format!("{name}.txt"));
    if std::env::var_os("TACHOGRAPH_RENEW_SCREENS").is_some() {
        fs::write(&path, &found).expect("written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        found, expected,
        "{name} looks different:\n{found}\nnot\n{expected}"
    );
}

#[test]
fn screens_of_all_sizes() {
    let state = live(COLOR);
    check("overview-80x24", &state, 10.3, (80, 24));
    check("overview-60x16", &state, 10.3, (60, 16));
    check("overview-120x40", &state, 10.3, (120, 40));
    check("overview-200x60", &state, 10.3, (200, 60));
    check("too-small", &state, 10.3, (59, 16));
    check("tiny", &state, 10.3, (9, 3));
}

#[test]
fn screens_of_all_views() {
    let mut state = live(COLOR);
    press(&mut state, [KeyCode::Char('2')]);
    check("histogram-80x24", &state, 10.3, (80, 24));
    press(&mut state, [KeyCode::Char('3'), KeyCode::Down]);
    check("frames-80x24", &state, 10.3, (80, 24));
    check("frames-60x16", &state, 10.3, (60, 16));
    check("frames-120x40", &state, 10.3, (120, 40));
    press(&mut state, [KeyCode::Tab]);
    check("numbers-80x24", &state, 10.3, (80, 24));
    check("numbers-60x16", &state, 10.3, (60, 16));
    press(&mut state, [KeyCode::Char('?')]);
    check("help-80x24", &state, 10.3, (80, 24));
    check("help-60x16", &state, 10.3, (60, 16));
}

#[test]
fn screens_without_data() {
    let mut state = state(PLAIN);
    check("no-log", &state, 3.0, (80, 24));
    let look = Look {
        exists: true,
        ..Look::default()
    };
    state.update(look, 3.0, START);
    check("empty-log", &state, 3.0, (80, 24));
    // A snapshot of an older version has hardly anything.
    let bare = MetricsSnapshot {
        timestamp: START,
        ..MetricsSnapshot::default()
    };
    state.update(latest(bare), 4.0, START);
    check("bare", &state, 4.0, (80, 24));
}

#[test]
fn screens_of_a_loop_that_is_gone_or_cannot_be_asked() {
    let state = live(PLAIN);
    check("stale-80x24", &state, 202.0, (80, 24));
    let mut state = live(PLAIN);
    let look = Look {
        cannot_ask: Some("logs/metrics.json.watch: Permission denied".to_owned()),
        problems: vec!["logs/metrics.json line 7 is skipped: \u{1b}[2Jnot JSON".to_owned()],
        exists: true,
        ..Look::default()
    };
    state.update(look, 11.0, START + 191.0);
    check("cannot-ask-80x24", &state, 25.0, (80, 24));
    state.warning = Some((2, "measuring costs 1.20 % of a core".to_owned()));
    state.ending = true;
    check("ending-80x24", &state, 11.0, (80, 24));
}

#[test]
fn screens_of_a_hostile_log() {
    let mut hostile = snapshot(100);
    hostile.time = "\u{1b}[31m\u{1b}[31m\u{1b}[31m".to_owned();
    hostile.frames_processed = u64::MAX;
    hostile.events_created = u64::MAX;
    hostile.timestamp = 1e300;
    hostile.uptime_seconds = 1e300;
    hostile.samples_overwritten = u64::MAX;
    hostile.log_errors = 12;
    hostile.coreml_inference = timer(u64::MAX, 1e300, 1.0);
    hostile.process_memory_mb = Some(1e300);
    hostile.system_availability = Some(-1e300);
    hostile.process_cpu_usage = Some(f64::NAN);
    hostile.custom.timers = [
        ("\u{1b}]0;title\u{7}\u{202e}evil", 1.0),
        ("動き検出動き検出動き検出動き検出", 2.0),
        ("e\u{301}\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}", -3.0),
        ("", 4.0),
    ]
    .map(|(name, p50)| (Arc::from(name), timer(7, p50, 2.0)))
    .into();
    hostile.in_flight = (0..40).map(|_| in_flight("\n\tx\u{9b}2J", 1e300)).collect();
    for frame in &mut hostile.slowest_frames {
        frame.outcome = "\u{1b}[5mno such outcome".into();
        frame.number = u64::MAX;
        frame.ms = 1e300;
        frame.age_s = -1e300;
        frame.stages.push(FrameStage {
            stage: "動き".into(),
            start_ms: -5.0,
            ms: f64::INFINITY,
        });
    }
    hostile.histograms = [(Arc::from("coreml_inference"), "no histogram".to_owned())].into();
    let mut state = state(PLAIN);
    let look = Look {
        lines: vec![snapshot(60), hostile],
        exists: true,
        ..Look::default()
    };
    state.update(look, 1.0, START);
    check("hostile-80x24", &state, 1.0, (80, 24));
    for view in ['2', '3', '4'] {
        press(&mut state, [KeyCode::Char(view), KeyCode::End]);
        for size in [(60, 16), (80, 24), (130, 50)] {
            let steers = |c: char| c.is_control() && c != '\n';
            assert!(!text(&drawn(&state, 1.0, size)).contains(steers));
        }
    }
    check("hostile-numbers-80x24", &state, 1.0, (80, 24));
}

#[test]
fn nothing_panics_at_any_size() {
    let mut state = live(COLOR);
    for view in '1'..='4' {
        press(&mut state, [KeyCode::Char(view)]);
        for width in [0, 1, 2, 30, 60, 61, 79, 99, 100, 101, 255] {
            for height in (0..30).chain([60, 200]) {
                drawn(&state, 10.3, (width, height));
            }
        }
    }
}

#[test]
fn without_colour_marks_and_reverse_carry_the_meaning() {
    let state = live(PLAIN);
    let buffer = drawn(&state, 10.3, (120, 40));
    let plain = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
    assert!(buffer.content.iter().all(plain));
    let reversed = |cell: &&ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
    let selected = buffer
        .content
        .chunks(120)
        .filter(|row| row.iter().take(80).all(|cell| reversed(&cell)));
    assert_eq!(selected.count(), 1, "the selected stage");
    let text = text(&buffer);
    assert!(text.contains('⚠') && text.contains('✗') && text.contains('✓'));
    assert!(text.contains("baaaa"), "a letter for each stage: {text}");
    let colored = drawn(&live(COLOR), 10.3, (120, 40));
    assert!(
        !colored.content.iter().all(plain),
        "with colour there is some"
    );
}

#[test]
fn ascii_is_ascii() {
    let theme = Theme {
        ascii: true,
        ..PLAIN
    };
    let mut state = live(theme);
    check("ascii-80x24", &state, 10.3, (80, 24));
    for view in '1'..='4' {
        press(&mut state, [KeyCode::Char(view)]);
        assert!(text(&drawn(&state, 10.3, (130, 50))).is_ascii());
    }
}
