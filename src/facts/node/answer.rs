//! One GET, bounded in time and size.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::facts::handshake::{NoConnection, connect, present};

/// The node's answers have some hundred bytes; a log or a page has more.
const LARGEST_BODY: usize = 256 * 1024;
/// Room for the head of an answer.
const LARGEST_HEAD: usize = 64 * 1024;

/// How the API is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Address and port.
    pub address: SocketAddr,
    /// The name to ask for by TLS; plain HTTP where there is none.
    pub tls_name: Option<String>,
    /// What stands in the `Host` header.
    pub host: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Answer {
    /// An HTTP response.
    Answered(Reply),
    /// A connection that did not open.
    NoConnection {
        /// How far it came.
        why: NoConnection,
    },
    /// It opened, and no complete answer came in time.
    TimedOut {
        /// After so long, in milliseconds.
        after_ms: u64,
    },
    /// It said something that is no HTTP.
    NotHttp {
        /// What was wrong with it.
        reason: String,
    },
    /// It said more than anybody would read.
    TooLarge,
}

/// An HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// From connecting to the last byte, in milliseconds.
    pub took_ms: u64,
    /// The media type that it says it has, without parameters.
    #[serde(default)]
    pub media_type: Option<String>,
    /// The first words of it, where it is a text that may be shown.
    #[serde(default)]
    pub excerpt: Option<String>,
}

/// An answer and, of a response, its body.
pub struct Got {
    /// What came back.
    pub answer: Answer,
    /// The body of a response.
    pub body: Vec<u8>,
}

/// Asks for `path`, with a token where there is one.
pub async fn get(target: &Target, path: &str, token: Option<&str>, limit: Duration) -> Got {
    let begun = Instant::now();
    let asked = async {
        match &target.tls_name {
            None => {
                let stream = connect(target.address, limit)
                    .await
                    .map_err(no_connection)?;
                exchange(stream, target, path, token).await
            }
            Some(name) => {
                let presented = present(target.address, Some(name), limit)
                    .await
                    .map_err(no_connection)?;
                exchange(presented.stream, target, path, token).await
            }
        }
    };
    let outcome = tokio::time::timeout(limit, asked).await;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Err(_elapsed) => Got::nothing(Answer::TimedOut { after_ms: took_ms }),
        Ok(Err(answer)) => Got::nothing(answer),
        Ok(Ok((mut reply, body))) => {
            reply.took_ms = took_ms;
            Got {
                answer: Answer::Answered(reply),
                body,
            }
        }
    }
}

impl Got {
    fn nothing(answer: Answer) -> Self {
        Self {
            answer,
            body: Vec::new(),
        }
    }
}

fn no_connection(why: NoConnection) -> Answer {
    Answer::NoConnection { why }
}

fn not_http(error: &hyper::Error) -> Answer {
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        no_connection(NoConnection::Cut {
            reason: "the connection was closed before an answer was complete".into(),
        })
    } else if error.is_parse() {
        Answer::NotHttp {
            reason: error.to_string(),
        }
    } else {
        no_connection(NoConnection::Cut {
            reason: error.to_string(),
        })
    }
}

async fn exchange<S>(
    stream: S,
    target: &Target,
    path: &str,
    token: Option<&str>,
) -> Result<(Reply, Vec<u8>), Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| not_http(&error))?;
    let mut request = Request::get(path)
        .header(header::HOST, &target.host)
        .header(header::ACCEPT, "application/json")
        .header(header::CONNECTION, "close")
        .header(
            header::USER_AGENT,
            concat!("sesam-doctor/", env!("CARGO_PKG_VERSION")),
        );
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|_| Answer::NotHttp {
            reason: "the request cannot be put into words: its name or token holds characters that HTTP does not allow".into(),
        })?;
    let talk = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| not_http(&error))?;
        let reply = Reply {
            status: response.status().as_u16(),
            took_ms: 0,
            media_type: response
                .headers()
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .map(media_type),
            excerpt: None,
        };
        let body = bounded_body(response.into_body()).await?;
        Ok((reply, body))
    };
    // The connection is driven here and not on a task, so that it ends with the question.
    let mut talk = std::pin::pin!(talk);
    let mut connection = std::pin::pin!(connection);
    let mut driven = false;
    loop {
        tokio::select! {
            biased;
            said = &mut talk => return said,
            _ended = &mut connection, if !driven => driven = true,
        }
    }
}

fn media_type(value: &str) -> String {
    const LONGEST: usize = 100;
    let plain = value.split(';').next().unwrap_or_default().trim();
    plain
        .chars()
        .take(LONGEST)
        .collect::<String>()
        .to_lowercase()
}

async fn bounded_body(mut body: hyper::body::Incoming) -> Result<Vec<u8>, Answer> {
    let mut content = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| not_http(&error))?;
        if let Some(data) = frame.data_ref() {
            if content.len().saturating_add(data.len()) > LARGEST_BODY {
                return Err(Answer::TooLarge);
            }
            content.extend_from_slice(data);
        }
    }
    Ok(content)
}
