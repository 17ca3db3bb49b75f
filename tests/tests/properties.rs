//! The properties of `tachograph_tests::properties` on random inputs. `PROPTEST_CASES=100000` tries that many of each; `fuzz/` goes deeper.

use proptest::collection::vec;
use proptest::prelude::*;
use tachograph_tests::properties;

/// Cases of each property in the normal suite.
const CASES: u32 = 256;

fn cases() -> ProptestConfig {
    // `PROPTEST_CASES` is read by the default.
    let default = ProptestConfig::default();
    let chosen = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig {
        cases: if chosen { default.cases } else { CASES },
        failure_persistence: None,
        ..default
    }
}

/// Bytes of which most are a piece of something real.
fn pieces(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
    let real = proptest::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec());
    let piece = prop_oneof![4 => real, 1 => vec(any::<u8>(), 0..6)];
    vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

/// The same in lines: each a piece or two.
fn lines(real: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(real).prop_map(|piece| piece.as_bytes().to_vec());
    let line = prop_oneof![6 => piece, 1 => pieces(real, 3)];
    vec(line, 0..most).prop_map(|lines| lines.join(&b'\n'))
}

const Y4M: &[&str] = &[
    "YUV4MPEG2 W2 H2 F30:1 C420\n",
    "YUV4MPEG2 W3 H1 F0:0 C444\n",
    "YUV4MPEG2",
    " W2",
    " H1",
    " W100000",
    " W16384",
    " H16384",
    "YUV4MPEG2 W16384 H5000 F30:1\n",
    " F30:1",
    " A1:1",
    " C422",
    " Cmono",
    " XCOLORRANGE=FULL",
    " ",
    "\n",
    "FRAME\n",
    "FRAME Ixyz\n",
    "123456",
    "123456789",
];

const CONFIG: &[&str] = &[
    "window = 10",
    "window = 0",
    "metrics_interval = \"1s\"",
    "reduce_interval = '2ms'",
    "reduce_interval = \"5s\"",
    "stall_after = \"0s\"",
    "log_path = \"a/b.json\"",
    "log_path = \"\"\"\n",
    "\"\"\"",
    "rotate_bytes = 20",
    "rotate_bytes = \"1 MiB\"",
    "rotate_files = 1001",
    "[targets]",
    "coreml_inference.p95 = \"< 100ms\"",
    "llm_inference = \"off\"",
    "process_cpu_usage = \"> 3%\"",
    "window.x = 1",
    "TACHOGRAPH_WINDOW=7",
    "# window = 3",
    "# ",
    "\n",
    "\r\n",
    "=",
    "\"",
    " ",
];

/// Lines that are TOML by themselves, as long as no key comes twice.
const CONFIG_LINES: &[&str] = &[
    "# window = 3",
    "",
    "window = 10",
    "window = 0",
    "\"wind\\u006fw\" = 0",
    "metrics_interval = \"1s\"",
    "metrics_interval = \"1ms\"",
    "reduce_interval = \"5s\"",
    "stall_after = \"0s\"",
    "log_path = \"\"\"a\nwindow = 5\nrotate_files = 3\"\"\"",
    "log_path = '..'",
    "rotate_bytes = \"1 MiB\"",
    "rotate_files = 1001",
    "targets.llm_inference.p95 = \"off\"",
];

const LOG: &[&str] = &[
    "{\"timestamp\":1}",
    "{\"timestamp\":2.5,\"frames_processed\":7}",
    "{\"timestamp\":3,\"downtime_seconds\":1e300,\"system_start_time\":1}",
    "{\"timestamp\":",
    "{\"timestamp\":-1}",
    "{}",
    "[1,2]",
    "hello",
    "\0\0\0",
    "\x0c",
    "\n",
    "\n",
    "\r\n",
    " ",
];

const SNAPSHOT: &[&str] = &[
    "{",
    "}",
    "\"timestamp\":1.5",
    "\"coreml_inference_count\":",
    "\"coreml_inference_avg\":",
    "\"custom\":{\"counters\":{\"a\":1}}",
    "\"in_flight\":[{\"stage\":\"x\",\"for_ms\":1}]",
    "\"lifetime\":{\"a\":{\"count\":1}}",
    "\"unheard_of\":null",
    "7",
    "0.1",
    "null",
    ",",
    ",",
    ":",
];

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn y4m(header in any::<bool>(), rest in pieces(Y4M, 20)) {
        let header = if header { &b"YUV4MPEG2"[..] } else { &[] };
        properties::y4m(&[header, &rest].concat());
    }

    #[test]
    fn config_of_lines(bytes in lines(CONFIG_LINES, 6)) {
        properties::config(&bytes);
    }

    #[test]
    fn config_of_pieces(bytes in pieces(CONFIG, 20)) {
        properties::config(&bytes);
    }

    #[test]
    fn log(rotation in any::<u8>(), content in pieces(LOG, 12), torn in pieces(LOG, 4), rotated in pieces(LOG, 4)) {
        let separator: &[u8] = b"\xff\xff";
        properties::log(&[&[rotation], &content[..], separator, &torn, separator, &rotated].concat());
    }

    #[test]
    fn snapshot_of_json(bytes in pieces(SNAPSHOT, 16)) {
        properties::snapshot(&bytes);
    }

    #[test]
    fn snapshot_of_anything(bytes in vec(any::<u8>(), 0..600)) {
        properties::snapshot(&bytes);
    }

    #[test]
    fn by_name(bytes in vec(any::<u8>(), 0..400)) {
        properties::by_name(&bytes);
    }

    #[test]
    fn recorder(bytes in vec(any::<u8>(), 0..800)) {
        properties::recorder(&bytes);
    }
}
