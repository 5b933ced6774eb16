//! One visitor of a port that is listened on: what they say, and what they are told.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    events::{Deed, Visit},
    token::{Claim, Token, holds, is_random, prove},
};

/// A visitor who takes longer is sent away.
const PATIENCE: Duration = Duration::from_secs(10);
/// Larger heads are no request that is answered.
const LARGEST_HEAD: usize = 8 * 1024;
/// More headers are no request that is answered.
const MOST_HEADERS: usize = 64;
/// Longer lines and names are cut.
const LONGEST_LINE: usize = 120;
/// With this byte a TLS client begins, RFC 8446 section 5.1.
const TLS_HANDSHAKE: u8 = 0x16;
/// As much of what a visitor still sends is read, so that closing does not cut off the answer.
const MOST_LEFTOVER: u64 = 64 * 1024;

/// The first line of the answer by which a prober knows a doctor that listens.
pub const GREETING: &str = "sesam-doctor listen";

/// What all visitors are received with.
pub struct Host {
    /// The one-time token.
    pub token: Token,
    /// The path that a prober asks for.
    pub challenge_path: String,
    /// Ends TLS with a certificate made for this run.
    pub acceptor: TlsAcceptor,
    /// That certificate's SHA-256, in hexadecimal.
    pub fingerprint: String,
}

impl Host {
    /// Hears a visitor out, within bounds, answers, and says what they did.
    pub async fn receive(self: Arc<Self>, stream: TcpStream, from: SocketAddr) -> Option<Visit> {
        let to = stream.local_addr().ok()?;
        let mut visit = Visit {
            at: Timestamp::now(),
            from,
            to,
            tls: false,
            asked_for: None,
            deed: Deed::SaidNothing,
        };
        if timeout(PATIENCE, self.hear(stream, &mut visit))
            .await
            .is_err()
            && visit.deed == Deed::SaidNothing
            && visit.tls
        {
            visit.deed = Deed::Babbled("the handshake was begun and not ended".into());
        }
        Some(visit)
    }

    async fn hear(&self, stream: TcpStream, visit: &mut Visit) {
        let mut first = [0_u8; 1];
        match stream.peek(&mut first).await {
            Ok(1..) => {}
            _ => return,
        }
        if first != [TLS_HANDSHAKE] {
            return self.talk(stream, visit).await;
        }
        visit.tls = true;
        match self.acceptor.accept(stream).await {
            Ok(stream) => {
                visit.asked_for = stream.get_ref().1.server_name().map(clipped);
                self.talk(stream, visit).await;
            }
            Err(error) => visit.deed = Deed::Babbled(clipped(&error.to_string())),
        }
    }

    async fn talk<Stream>(&self, mut stream: Stream, visit: &mut Visit)
    where
        Stream: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(head) = read_head(&mut stream).await else {
            return;
        };
        let answer = match parse(&head) {
            Err(how) => {
                visit.deed = Deed::Babbled(how);
                answer(400, "this is HTTP/1.1\n")
            }
            Ok(request) => {
                if visit.asked_for.is_none() {
                    visit.asked_for = request.host.as_deref().map(clipped);
                }
                self.answer(&request, visit)
            }
        };
        // Who does not want the answer need not have it.
        let _ = send(&mut stream, answer.as_bytes()).await;
    }

    fn answer(&self, request: &Request, visit: &mut Visit) -> String {
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        if path != self.challenge_path {
            visit.deed =
                Deed::Requested(clipped(&format!("{} {}", request.method, request.target)));
            return answer(404, "the doctor listens here; nothing is installed yet\n");
        }
        let value = |key: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value)
        };
        let Some(nonce) = value("nonce").filter(|nonce| is_random(nonce)) else {
            visit.deed =
                Deed::Requested(clipped(&format!("{} {}", request.method, request.target)));
            return answer(200, &format!("{GREETING}\n"));
        };
        let port = visit.to.port();
        let knows =
            value("proof").is_some_and(|proof| holds(&self.token, Claim::Asks, nonce, port, proof));
        visit.deed = if knows {
            Deed::Probed
        } else {
            Deed::ProbedWithoutToken
        };
        let mut body = format!(
            "{GREETING}\nproof {}\n",
            prove(&self.token, Claim::Answers, nonce, port)
        );
        if visit.tls {
            body.push_str("certificate ");
            body.push_str(&prove(
                &self.token,
                Claim::Sends(&self.fingerprint),
                nonce,
                port,
            ));
            body.push('\n');
        }
        answer(200, &body)
    }
}

struct Request {
    method: String,
    target: String,
    host: Option<String>,
}

/// Reads until a head is complete or too large; none where nothing came.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0_u8; 1024];
    while head.len() < LARGEST_HEAD {
        match stream.read(&mut buffer).await {
            Ok(length @ 1..) => head.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            _ => break,
        }
        let is_whole = head.windows(4).any(|end| end == b"\r\n\r\n");
        // What does not begin as a request will not become one.
        if is_whole || parse(&head).is_err() {
            break;
        }
    }
    (!head.is_empty()).then_some(head)
}

/// A request, complete or not; else what is wrong with it.
fn parse(head: &[u8]) -> Result<Request, String> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).map_err(|error| {
        format!(
            "{error} (“{}”)",
            clipped(&String::from_utf8_lossy(head.get(..40).unwrap_or(head)))
        )
    })?;
    let host = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("host"))
        .map(|header| String::from_utf8_lossy(header.value).into_owned());
    Ok(Request {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        host,
    })
}

fn answer(status: u16, body: &str) -> String {
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        _ => "Bad Request",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\nServer: sesam-doctor\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn send(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), answer: &[u8]) -> io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    let mut leftover = stream.take(MOST_LEFTOVER);
    tokio::io::copy(&mut leftover, &mut tokio::io::sink()).await?;
    Ok(())
}

fn clipped(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(LONGEST_LINE)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_known_from_what_is_none() {
        let request = parse(b"GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(
            (
                request.method.as_str(),
                request.target.as_str(),
                request.host.as_deref()
            ),
            ("GET", "/x?y", Some("a"))
        );
        assert!(parse(b"GET /incomp").is_ok());
        assert!(parse(b"\x00\x01\x02").is_err());
        assert!(parse(b"SSH-2.0-OpenSSH_9.2\r\n").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
