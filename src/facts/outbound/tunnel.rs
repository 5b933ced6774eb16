//! Asking an HTTP proxy for a way through (`CONNECT`), and what any proxy may say to that.

use std::{collections::BTreeMap, io};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use crate::facts::proxies::Login;

/// Larger heads are no answer of a proxy.
const LARGEST_HEAD: usize = 16 * 1024;
/// Enough of a header's value, or of what is no answer.
const LONGEST_TEXT: usize = 200;
/// The headers that are kept.
const KEPT_HEADERS: [&str; 6] = [
    "server",
    "via",
    "proxy-authenticate",
    "proxy-status",
    "x-squid-error",
    "x-cache",
];

/// What a proxy said to `CONNECT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Tunnel {
    /// The way is open.
    Open,
    /// It refused, with this HTTP status.
    Refused {
        /// 407, 403, 502 …
        status: u16,
        /// What stands beside it.
        reason: String,
        /// Some headers, by their lower-case names.
        headers: BTreeMap<String, String>,
    },
    /// It did not answer within the deadline.
    Silent,
    /// It closed or reset the connection.
    Cut {
        /// In the kernel's words.
        how: String,
    },
    /// It answered something that is no HTTP.
    NotHttp {
        /// What it was.
        what: String,
    },
    /// It answered something that is not of SOCKS 5.
    NotSocks {
        /// What it was.
        what: String,
    },
    /// It wants a login, and none is configured (SOCKS).
    LoginWanted,
    /// It does not take the login that is configured (SOCKS).
    LoginRefused,
    /// Its rules forbid the host (SOCKS).
    Forbidden,
    /// It found no way to the host (SOCKS).
    NoWay {
        /// Why, as it says.
        how: String,
    },
    /// It is of a kind that is not examined.
    Unsupported {
        /// Which kind.
        what: String,
    },
}

/// Asks the proxy at the other end of `stream` for a way to `host` and `port`.
pub async fn open<Stream>(
    stream: &mut Stream,
    host: &str,
    port: u16,
    login: Option<&Login>,
    deadline: Instant,
) -> Tunnel
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    match timeout_at(deadline, ask(stream, host, port, login)).await {
        Err(_elapsed) => Tunnel::Silent,
        Ok(Err(error)) => Tunnel::Cut {
            how: error.to_string(),
        },
        Ok(Ok(head)) => read(&head),
    }
}

async fn ask<Stream>(
    stream: &mut Stream,
    host: &str,
    port: u16,
    login: Option<&Login>,
) -> io::Result<Vec<u8>>
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let agent = concat!("sesam-doctor/", env!("CARGO_PKG_VERSION"));
    let mut request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {agent}\r\n");
    if let Some(login) = login {
        request.push_str("Proxy-Authorization: ");
        request.push_str(&login.basic());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    // Byte by byte, since what follows the head belongs to the tunnel.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LARGEST_HEAD {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            // What came before the end tells more than the end.
            Err(_) if !head.is_empty() => break,
            Err(error) => return Err(error),
        }
        if !b"HTTP/1.".starts_with(head.get(..head.len().min(7)).unwrap_or_default()) {
            break;
        }
    }
    Ok(head)
}

pub(in crate::facts) fn read(head: &[u8]) -> Tunnel {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let status = match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => response.code,
        Ok(httparse::Status::Partial) | Err(_) => None,
    };
    let Some(status) = status else {
        return Tunnel::NotHttp {
            what: format!("“{}”", text(head)),
        };
    };
    if (200..300).contains(&status) {
        return Tunnel::Open;
    }
    let reason = text(response.reason.unwrap_or_default().as_bytes());
    let headers = response
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), text(header.value)))
        .filter(|(name, _)| KEPT_HEADERS.contains(&name.as_str()))
        .collect();
    Tunnel::Refused {
        status,
        reason,
        headers,
    }
}

/// Some bytes as they can be shown.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(LONGEST_TEXT)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_of_proxies_are_told_apart() {
        assert_eq!(
            read(b"HTTP/1.1 200 Connection established\r\n\r\n"),
            Tunnel::Open
        );
        let refused = read(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"lab\"\r\nX-Other: x\r\n\r\n",
        );
        let Tunnel::Refused {
            status, headers, ..
        } = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(status, 407);
        assert_eq!(headers.len(), 1);
        assert!(matches!(read(b"\x16\x03\x01"), Tunnel::NotHttp { .. }));
        assert!(matches!(read(b"HTTP/1.1 2"), Tunnel::NotHttp { .. }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(head in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&head);
        }
    }
}
