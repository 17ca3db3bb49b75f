//! A headless Chromium, told what to do by the protocol of its developer tools.
#![allow(dead_code, unreachable_pub)]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Nothing here takes longer, also on a busy machine; what does hangs.
const PATIENCE: Duration = Duration::from_secs(90);
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--lang=en-GB",
    "--remote-debugging-port=0",
];

/// A browser with one page. It ends with this value.
pub struct Browser {
    child: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    next: u64,
    events: Vec<Value>,
    /// Its profile, a fresh one.
    _profile: TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy)]
pub struct View {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

pub const DESK: View = View {
    width: 1280,
    height: 900,
    dark: false,
};
pub const PHONE: View = View {
    width: 360,
    height: 740,
    dark: false,
};

impl Browser {
    /// Starts one; `None` where there is none, which in CI is a failure.
    pub fn start() -> Option<Self> {
        let profile = tempfile::tempdir().expect("a folder");
        let found = NAMES.iter().find_map(|name| {
            let mut command = Command::new(name);
            command.args(FLAGS).arg("about:blank");
            // The zone is one with a name and an offset, so that local times can be told from UTC.
            command.env("TZ", "Asia/Tokyo");
            command.arg(format!("--user-data-dir={}", profile.path().display()));
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::piped()).spawn().ok()
        });
        let Some(mut child) = found else {
            println!("!!! SKIPPED: the report in a browser: there is no chromium");
            let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!in_ci, "no chromium");
            return None;
        };
        let url = address(&mut child);
        let (mut socket, _) = tungstenite::connect(url).expect("the browser answers");
        if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
            stream.set_read_timeout(Some(PATIENCE)).expect("allowed");
        }
        let mut browser = Self {
            child,
            socket,
            session: None,
            next: 0,
            events: Vec::new(),
            _profile: profile,
        };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let page = self.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let attached = self.call("Target.attachToTarget", &attach);
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
        self.call("Page.setLifecycleEventsEnabled", &json!({"enabled": true}));
    }

    /// Opens a file and waits until it has loaded.
    pub fn open(&mut self, file: &Path, view: View) {
        self.look(view);
        self.load(file);
    }

    /// The same, with the page's scripts switched off.
    pub fn open_without_scripts(&mut self, file: &Path) {
        let off = json!({"value": true});
        self.call("Emulation.setScriptExecutionDisabled", &off);
        self.load(file);
    }

    fn load(&mut self, file: &Path) {
        self.events.clear();
        let path = file.canonicalize().expect("it exists");
        let text = path.to_str().expect("text");
        let escaped: String = text
            .chars()
            .map(|c| match c {
                '%' => "%25".to_owned(),
                '<' => "%3C".to_owned(),
                '>' => "%3E".to_owned(),
                ' ' => "%20".to_owned(),
                '?' => "%3F".to_owned(),
                '#' => "%23".to_owned(),
                c => c.to_string(),
            })
            .collect();
        let url = json!({"url": format!("file://{escaped}")});
        let loader = self.call("Page.navigate", &url)["loaderId"].clone();
        // The blank page's own load may be told only now.
        let has_loaded = |event: &Value| {
            event["method"] == "Page.lifecycleEvent"
                && event["params"]["name"] == "load"
                && event["params"]["loaderId"] == loader
        };
        let begun = Instant::now();
        while !self.events.iter().any(has_loaded) {
            assert!(begun.elapsed() < PATIENCE, "the page does not load");
            self.receive();
        }
    }

    /// Changes how the open page is looked at, and lets it draw itself anew.
    pub fn look(&mut self, view: View) {
        let size = json!({"width": view.width, "height": view.height, "deviceScaleFactor": 1, "mobile": view.width < 600});
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if view.dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &media);
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))",
        );
    }

    /// The value of an expression, which may be a promise.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// What the page's script says that it has drawn.
    pub fn status(&mut self) -> Value {
        let text = self.evaluate("document.getElementById('status').textContent");
        serde_json::from_str(text.as_str().expect("text")).expect("JSON")
    }

    /// What the browser itself complained about since the page was opened: errors, refusals, warnings.
    pub fn complaints(&self) -> Vec<String> {
        let of = |event: &Value| match event["method"].as_str()? {
            "Runtime.exceptionThrown" => Some(event["params"]["exceptionDetails"].to_string()),
            "Log.entryAdded" => Some(event["params"]["entry"]["text"].to_string()),
            "Runtime.consoleAPICalled" => Some(event["params"]["args"].to_string()),
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }

    /// The addresses that the page asked for since it was opened, itself first.
    pub fn requests(&self) -> Vec<String> {
        let sent = self.events.iter();
        let sent = sent.filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| {
            event["params"]["request"]["url"]
                .as_str()
                .expect("a URL")
                .to_owned()
        })
        .collect()
    }

    /// The whole page as it looks: width, height and RGB.
    pub fn screenshot(&mut self) -> (u32, u32, Vec<u8>) {
        let shot = self.call(
            "Page.captureScreenshot",
            &json!({"format": "png", "captureBeyondViewport": true}),
        );
        let bytes = BASE64_STANDARD
            .decode(shot["data"].as_str().expect("text"))
            .expect("base64");
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("it fits")];
        let info = reader.next_frame(&mut pixels).expect("a picture");
        let step = info.color_type.samples();
        let rgb = pixels
            .chunks_exact(step)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        (info.width, info.height, rgb)
    }

    /// The page as it is printed: PDF.
    pub fn print(&mut self) -> Vec<u8> {
        let asked = json!({"preferCSSPageSize": true, "printBackground": true});
        let printed = self.call("Page.printToPDF", &asked);
        BASE64_STANDARD
            .decode(printed["data"].as_str().expect("text"))
            .expect("base64")
    }

    /// Asks for something and waits for the answer; keeps what happens meanwhile.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.socket
            .send(Message::text(message.to_string()))
            .expect("sent");
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "no answer to {method}");
            if let Some(answer) = self.receive() {
                assert_eq!(answer["id"], self.next, "{answer}");
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// The next message, if it is an answer; an event is kept.
    fn receive(&mut self) -> Option<Value> {
        let message = self.socket.read().expect("the browser is alive");
        let Message::Text(text) = message else {
            return None;
        };
        let value: Value = serde_json::from_str(&text).expect("JSON");
        if value.get("id").is_some() {
            return Some(value);
        }
        self.events.push(value);
        None
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        let close = json!({"id": 0, "method": "Browser.close", "params": {}});
        let _ = self.socket.send(Message::text(close.to_string()));
        let begun = Instant::now();
        // On its own it takes all its processes along.
        while begun.elapsed() < Duration::from_secs(10) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where it can be reached; it says so on standard error.
fn address(child: &mut Child) -> String {
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
        line.strip_prefix("DevTools listening on ")
            .map(str::to_owned)
    });
    // Whatever else it says must be read, or it stops.
    std::thread::spawn(move || lines.for_each(drop));
    url.expect("the browser starts")
}
