//! One HTTP request over an open stream, and as much of the answer as tells who gave it.

use std::collections::BTreeMap;

use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{Instant, timeout_at},
};

/// Larger heads are no answer of a service.
const LARGEST_HEAD: usize = 32 * 1024;
/// As much of a body as is read.
const LARGEST_BODY: usize = 64 * 1024;
/// As much of a body as is kept.
const LONGEST_TEXT: usize = 2048;
/// Longer header values are cut.
const LONGEST_HEADER: usize = 300;
/// More members than any answer has that proves a service.
const MOST_MEMBERS: usize = 50;
/// The headers that are kept; none of them carries a secret.
const KEPT_HEADERS: [&str; 12] = [
    "server",
    "date",
    "via",
    "content-type",
    "www-authenticate",
    "docker-content-digest",
    "docker-distribution-api-version",
    "ratelimit-limit",
    "ratelimit-remaining",
    "retry-after",
    "x-pypi-last-serial",
    "proxy-agent",
];

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// What came back.
    pub outcome: HttpOutcome,
    /// How long the answer's head took, in milliseconds.
    pub took_ms: u64,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "value", rename_all = "kebab-case")]
pub enum HttpOutcome {
    /// An answer.
    Answered(HttpAnswer),
    /// Nothing, or no complete head, within the deadline.
    Silent,
    /// The connection was closed or reset before an answer.
    Cut(String),
    /// Something that is no HTTP answer.
    NotHttp(String),
}

/// The answer's head, and the beginning of its body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// Some headers, by their lower-case names.
    pub headers: BTreeMap<String, String>,
    /// Where a redirect leads, without any query, which may hold a signature.
    #[serde(default)]
    pub location: Option<String>,
    /// The names of the members, where the body is a JSON object; their values may be secret.
    #[serde(default)]
    pub json_members: Vec<String>,
    /// The beginning of the body, where it is not JSON.
    #[serde(default)]
    pub text: Option<String>,
    /// The answer's `Date`.
    #[serde(default)]
    pub date: Option<Timestamp>,
    /// This machine's time when the head was read.
    #[serde(default)]
    pub received_at: Option<Timestamp>,
}

/// What to ask for.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// How much of the answer is wanted.
    pub verb: Verb,
    /// The path, with a query where one is needed.
    pub path: &'a str,
    /// The media types that are understood.
    pub accept: &'a str,
    /// A bearer token that anybody can have; it is never kept.
    pub token: Option<&'a str>,
    /// The value of `Authorization` of somebody's own; sent only to whom this machine trusts, and never kept.
    pub login: Option<&'a str>,
}

/// How much of an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// All of it.
    Get,
    /// Its head.
    Head,
}

impl<'a> Question<'a> {
    /// The whole of what is at `path`, without any login.
    #[must_use]
    pub fn get(path: &'a str) -> Self {
        Self {
            verb: Verb::Get,
            path,
            accept: "*/*",
            token: None,
            login: None,
        }
    }
}

/// A question to one host.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The value of `Host`.
    pub host: &'a str,
    /// What to ask for.
    pub question: Question<'a>,
}

/// Sends a request over a stream and reads the answer; the whole body is handed out beside it, for what must not be kept.
pub async fn request<Stream>(
    stream: Stream,
    wanted: Wanted<'_>,
    deadline: Instant,
) -> (Http, Vec<u8>)
where
    Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = Instant::now();
    let mut body = Vec::new();
    // Dropped at the end, and the connection with it.
    let mut driver = JoinSet::new();
    let outcome = match timeout_at(deadline, exchange(stream, wanted, &mut driver)).await {
        Err(_elapsed) => Err(HttpOutcome::Silent),
        Ok(Err(error)) => Err(failure(&error)),
        Ok(Ok(response)) => Ok(response),
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let outcome = match outcome {
        Err(outcome) => outcome,
        Ok(response) => {
            let mut answer = head(&response);
            body = beginning(response, deadline).await;
            describe(&body, &mut answer);
            HttpOutcome::Answered(answer)
        }
    };
    (Http { outcome, took_ms }, body)
}

async fn exchange<Stream>(
    stream: Stream,
    wanted: Wanted<'_>,
    driver: &mut JoinSet<()>,
) -> hyper::Result<Response<Incoming>>
where
    Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await?;
    driver.spawn(crate::defects::inherited(async move {
        // Its error is the request's.
        let _ = connection.await;
    }));
    let question = wanted.question;
    let method = match question.verb {
        Verb::Get => hyper::Method::GET,
        Verb::Head => hyper::Method::HEAD,
    };
    let mut request = Request::builder()
        .method(method)
        .uri(question.path)
        .header(header::HOST, wanted.host)
        .header(
            header::USER_AGENT,
            concat!("sesam-doctor/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::ACCEPT, question.accept)
        .header(header::CONNECTION, "close");
    if let Some(token) = question.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if let Some(login) = question.login {
        request = request.header(header::AUTHORIZATION, login);
    }
    // A path that cannot be asked for is asked for as the root: profiles are checked when they are loaded.
    let request = request
        .body(Empty::<Bytes>::new())
        .unwrap_or_else(|_| Request::new(Empty::new()));
    sender.send_request(request).await
}

fn head(response: &Response<Incoming>) -> HttpAnswer {
    let headers = response.headers();
    let text = |name: &str| {
        let value = headers.get(name)?;
        Some(clipped(
            &String::from_utf8_lossy(value.as_bytes()),
            LONGEST_HEADER,
        ))
    };
    HttpAnswer {
        status: response.status().as_u16(),
        headers: KEPT_HEADERS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), text(name)?)))
            .collect(),
        location: text("location").map(|location| {
            location
                .split(['?', '#'])
                .next()
                .unwrap_or_default()
                .to_owned()
        }),
        json_members: Vec::new(),
        text: None,
        date: date(headers),
        received_at: Some(Timestamp::now()),
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(zoned.timestamp())
}

async fn beginning(response: Response<Incoming>, deadline: Instant) -> Vec<u8> {
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while body.len() < LARGEST_BODY {
        match timeout_at(deadline, incoming.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    body.extend_from_slice(&data);
                }
            }
            // The end, a cut, or a body that does not come: what came is what there is.
            _ => break,
        }
    }
    body.truncate(LARGEST_BODY);
    body
}

fn describe(body: &[u8], answer: &mut HttpAnswer) {
    if body.is_empty() {
        return;
    }
    if let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(body) {
        answer.json_members = members
            .keys()
            .take(MOST_MEMBERS)
            .map(|name| clipped(name, 100))
            .collect();
        return;
    }
    let is_json = answer
        .headers
        .get("content-type")
        .is_some_and(|kind| kind.contains("json"));
    if !is_json {
        answer.text = Some(clipped(&String::from_utf8_lossy(body), LONGEST_TEXT));
    }
}

fn clipped(text: &str, limit: usize) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(limit)
        .collect()
}

fn failure(error: &hyper::Error) -> HttpOutcome {
    if error.is_parse() {
        HttpOutcome::NotHttp(error.to_string())
    } else {
        HttpOutcome::Cut(error.to_string())
    }
}
