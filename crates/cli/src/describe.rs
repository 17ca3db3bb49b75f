//! A sentence about an event from a vision model, over the HTTP interface that Ollama made common.
//!
//! The request runs on a thread of its own: the frame loop waits for the answer, or for the signal to stop, whichever comes
//! first. A server that hangs thus never keeps the run from ending.

use std::io;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crossbeam::channel::{self, Receiver, Sender, select};
use serde::Deserialize;
use ureq::Agent;
use ureq::http::Uri;

use crate::frame::Frame;
use crate::jpeg;
use crate::stop::Stop;

const PROMPT: &str = "Describe in one sentence what is happening in this picture from a camera.";

/// Why a URL is not one that descriptions can come from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UrlError {
    /// It does not parse, or has no host.
    #[error("`{0}` is not a URL such as http://localhost:11434")]
    Invalid(String),
    /// Another scheme than http.
    #[error("`{url}` begins with {scheme}://, and tacho speaks http:// only")]
    Scheme {
        /// The URL as given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
}

/// Why there is no description. Each prints as one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DescribeError {
    /// The picture could not be packed.
    #[error("the frame could not be encoded as JPEG: {0}")]
    Jpeg(#[from] jpeg::JpegError),
    /// No answer in time.
    #[error("{url} did not answer within {seconds} s")]
    Timeout {
        /// The address asked.
        url: String,
        /// How long it was waited for.
        seconds: f64,
    },
    /// The server answered that it will not.
    #[error("{url} answered with HTTP status {status}{detail}")]
    Status {
        /// The address asked.
        url: String,
        /// The status code.
        status: u16,
        /// The server's own explanation, with a colon before it, or nothing.
        detail: String,
    },
    /// The answer is something else than expected.
    #[error("{url} did not answer with a JSON object that has a `response`")]
    Answer {
        /// The address asked.
        url: String,
    },
    /// No connection, or it broke.
    #[error("{url} could not be asked: {reason}")]
    Connection {
        /// The address asked.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The run ended before the answer came.
    #[error("the run ended before the answer came")]
    Stopped,
    /// The thread for requests has died.
    #[error("the thread that asks for descriptions has stopped unexpectedly")]
    Thread,
}

/// Which model to ask where.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Llm {
    /// The address of the server, without `/api/generate`.
    pub(crate) url: String,
    /// The name of the model.
    pub(crate) model: String,
    /// How long an answer may take, from connecting to its last byte.
    pub(crate) timeout: Duration,
}

/// Asks the model. Requests follow one another; there is one at a time.
pub(crate) struct Describer {
    requests: Sender<Vec<u8>>,
    answers: Receiver<Result<String, DescribeError>>,
    /// Whether an answer that nobody waited for is still to come.
    abandoned: bool,
}

/// Checks that descriptions can be had from this URL; returns it without a slash at its end.
pub(crate) fn check_url(url: &str) -> Result<String, UrlError> {
    let invalid = || UrlError::Invalid(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| invalid())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http"), Some(host)) if !host.is_empty() && uri.query().is_none() => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        (Some("http") | None, _) => Err(invalid()),
        (Some(scheme), _) => Err(UrlError::Scheme {
            url: url.to_owned(),
            scheme: scheme.to_owned(),
        }),
    }
}

impl Describer {
    /// Starts the thread; the server is not contacted before the first event.
    pub(crate) fn start(llm: Llm) -> io::Result<Self> {
        let (requests, received) = channel::bounded::<Vec<u8>>(1);
        let (answer, answers) = channel::bounded(1);
        thread::Builder::new()
            .name("tacho-llm".to_owned())
            .spawn(move || {
                let client = Client::new(llm);
                for picture in received {
                    if answer.send(client.ask(&picture)).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self {
            requests,
            answers,
            abandoned: false,
        })
    }

    /// The description of a frame. Takes as long as the model does, up to the timeout, or until the run is to stop.
    pub(crate) fn describe(&mut self, frame: &Frame, stop: &Stop) -> Result<String, DescribeError> {
        if stop.is_requested() || self.abandoned {
            return Err(DescribeError::Stopped);
        }
        let picture = jpeg::encode(frame)?;
        self.requests
            .send(picture)
            .map_err(|_| DescribeError::Thread)?;
        select! {
            recv(self.answers) -> answer => answer.unwrap_or(Err(DescribeError::Thread)),
            recv(stop.wake()) -> _ => {
                self.abandoned = true;
                Err(DescribeError::Stopped)
            }
        }
    }
}

struct Client {
    agent: Agent,
    address: String,
    llm: Llm,
}

#[derive(Deserialize)]
struct Answer {
    response: String,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Client {
    fn new(llm: Llm) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(llm.timeout))
            .http_status_as_error(false)
            // The model runs next door; a proxy for the way out would not find it.
            .proxy(None)
            .build();
        Self {
            agent: config.new_agent(),
            address: format!("{}/api/generate", llm.url),
            llm,
        }
    }

    fn ask(&self, picture: &[u8]) -> Result<String, DescribeError> {
        let request = serde_json::json!({
            "model": self.llm.model,
            "prompt": PROMPT,
            "images": [STANDARD.encode(picture)],
            "stream": false,
        });
        let sent = self.agent.post(&self.address).send_json(&request);
        let mut response = sent.map_err(|error| self.failure(&error))?;
        let status = response.status();
        let text = response.body_mut().read_to_string();
        if !status.is_success() {
            return Err(DescribeError::Status {
                url: self.address.clone(),
                status: status.as_u16(),
                detail: detail(&text.unwrap_or_default()),
            });
        }
        let text = text.map_err(|error| self.failure(&error))?;
        let answer: Answer = serde_json::from_str(&text).map_err(|_| DescribeError::Answer {
            url: self.address.clone(),
        })?;
        Ok(answer.response.trim().to_owned())
    }

    fn failure(&self, error: &ureq::Error) -> DescribeError {
        let url = self.address.clone();
        match error {
            ureq::Error::Timeout(_) => DescribeError::Timeout {
                url,
                seconds: self.llm.timeout.as_secs_f64(),
            },
            other => DescribeError::Connection {
                url,
                reason: other.to_string(),
            },
        }
    }
}

/// Ollama explains a refusal as `{"error": "…"}`; another server's page is not worth repeating.
fn detail(body: &str) -> String {
    serde_json::from_str::<Refusal>(body)
        .map(|refusal| format!(": {}", refusal.error))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Subsampling;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Instant;

    /// A server that reads a request and sends `reply`; without one it stays silent. Returns its URL.
    fn server(reply: Option<&'static str>) -> (String, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            loop {
                let read = stream.read(&mut chunk).unwrap_or(0);
                request.extend_from_slice(&chunk[..read]);
                if read == 0 || request.ends_with(b"}") {
                    break;
                }
            }
            match reply {
                Some(reply) => stream.write_all(reply.as_bytes()).expect("sent"),
                None => thread::sleep(Duration::from_secs(3)),
            }
            request
        });
        (url, served)
    }

    fn ask(url: &str, timeout: Duration) -> Result<String, DescribeError> {
        let mut describer = Describer::start(Llm {
            url: url.to_owned(),
            model: "seer".to_owned(),
            timeout,
        })
        .expect("a thread");
        let mut frame = Frame::empty();
        frame.resize(32, 16, Subsampling::Yuv420);
        let (stop, _request) = Stop::new();
        describer.describe(&frame, &stop)
    }

    fn failure(reply: &'static str) -> String {
        let (url, _served) = server(Some(reply));
        let error = ask(&url, Duration::from_secs(5)).expect_err("an error");
        error.to_string().replace(&url, "URL")
    }

    #[test]
    fn the_answer_is_the_response_and_the_request_holds_a_jpeg() {
        let reply = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"response\": \" A cat. \"}";
        let (url, served) = server(Some(reply));
        assert_eq!(ask(&url, Duration::from_secs(5)).expect("ok"), "A cat.");
        let request = String::from_utf8(served.join().expect("no panic")).expect("text");
        let (head, body) = request.split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("POST /api/generate HTTP/1.1"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["model"], "seer");
        assert_eq!(body["stream"], false);
        let picture = STANDARD
            .decode(body["images"][0].as_str().expect("a string"))
            .expect("base64");
        assert!(picture.starts_with(b"\xFF\xD8\xFF"), "a JPEG begins so");
    }

    #[test]
    fn failures_are_one_sentence_each() {
        let error = failure(
            "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n{\"error\":\"no model seer\"}",
        );
        assert_eq!(
            error,
            "URL/api/generate answered with HTTP status 404: no model seer"
        );
        let error = failure("HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n<html>");
        assert_eq!(error, "URL/api/generate answered with HTTP status 500");
        let error = failure("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
        assert!(
            error.contains("did not answer with a JSON object"),
            "{error}"
        );
        let error = failure("nonsense\r\n\r\n");
        assert!(error.contains("could not be asked"), "{error}");
    }

    #[test]
    fn silence_ends_at_the_timeout_and_a_closed_port_at_once() {
        let (url, _served) = server(None);
        let begun = Instant::now();
        let error = ask(&url, Duration::from_millis(200)).expect_err("silence");
        assert!(matches!(error, DescribeError::Timeout { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(2));
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let url = format!("http://{}", free.expect("a port"));
        let error = ask(&url, Duration::from_secs(5)).expect_err("refused");
        assert!(matches!(error, DescribeError::Connection { .. }), "{error}");
    }

    #[test]
    fn urls_are_checked_at_the_start() {
        assert_eq!(
            check_url("http://localhost:11434/").expect("good"),
            "http://localhost:11434"
        );
        let error = check_url("https://x").expect_err("refused").to_string();
        assert!(error.contains("https://") && error.contains("http:// only"));
        for bad in ["", "localhost", "http://", "/api", "http://h ost", "11434"] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
