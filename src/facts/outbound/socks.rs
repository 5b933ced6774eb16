//! Asking a SOCKS proxy for a way through: version 5 (RFC 1928), with a login where one is configured (RFC 1929).

use std::{io, net::IpAddr};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use super::tunnel::{Tunnel, text};
use crate::facts::proxies::Login;

const VERSION: u8 = 5;
/// The version of the negotiation of name and password.
const LOGIN_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const NAME_AND_PASSWORD: u8 = 2;
const NOTHING_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// Asks the proxy at the other end of `stream` for a way to `host` and `port`. The name is left to the proxy to resolve.
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
        Ok(Ok(tunnel)) => tunnel,
    }
}

async fn ask<Stream>(
    stream: &mut Stream,
    host: &str,
    port: u16,
    login: Option<&Login>,
) -> io::Result<Tunnel>
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let greeting: &[u8] = if login.is_some() {
        &[VERSION, 2, NO_LOGIN, NAME_AND_PASSWORD]
    } else {
        &[VERSION, 1, NO_LOGIN]
    };
    stream.write_all(greeting).await?;
    let version = stream.read_u8().await?;
    if version != VERSION {
        return Ok(something_else(stream, version).await);
    }
    match (stream.read_u8().await?, login) {
        (NO_LOGIN, _) => {}
        (NAME_AND_PASSWORD, Some(login)) => {
            stream.write_all(&log_in(login)).await?;
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).await?;
            if answer != [LOGIN_VERSION, 0] {
                return Ok(Tunnel::LoginRefused);
            }
        }
        (NAME_AND_PASSWORD | NOTHING_ACCEPTABLE, None) => return Ok(Tunnel::LoginWanted),
        (NOTHING_ACCEPTABLE, Some(_)) => return Ok(Tunnel::LoginRefused),
        (method, _) => {
            return Ok(Tunnel::Unsupported {
                what: format!("it wants the authentication method {method}"),
            });
        }
    }
    stream.write_all(&request(host, port)).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [version, reply, _, kind] = head;
    if version != VERSION {
        return Ok(something_else(stream, version).await);
    }
    if reply != 0 {
        return Ok(refusal(reply));
    }
    // The address that the proxy connects from has to be read, so that what follows is the host's.
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        DOMAIN => usize::from(stream.read_u8().await?),
        _ => {
            return Ok(Tunnel::NotSocks {
                what: format!("an address of the unknown kind {kind}"),
            });
        }
    };
    let mut bound = [0; 257];
    if let Some(bound) = bound.get_mut(..length + 2) {
        stream.read_exact(bound).await?;
    }
    Ok(Tunnel::Open)
}

/// What answers in the place of a SOCKS proxy, by its first bytes.
async fn something_else<Stream>(stream: &mut Stream, first: u8) -> Tunnel
where
    Stream: AsyncRead + Unpin,
{
    let mut more = [0; 60];
    let length = stream.read(&mut more).await.unwrap_or_default();
    let mut seen = vec![first];
    seen.extend_from_slice(more.get(..length).unwrap_or_default());
    Tunnel::NotSocks {
        what: format!("“{}”", text(&seen)),
    }
}

fn log_in(login: &Login) -> Vec<u8> {
    let mut message = vec![LOGIN_VERSION];
    for word in [login.name(), login.password()] {
        // Longer ones do not fit into the protocol, and so are refused.
        let word = word.as_bytes();
        let word = word.get(..usize::from(u8::MAX)).unwrap_or(word);
        message.push(u8::try_from(word.len()).unwrap_or(u8::MAX));
        message.extend_from_slice(word);
    }
    message
}

fn request(host: &str, port: u16) -> Vec<u8> {
    let mut message = vec![VERSION, CONNECT, 0];
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            message.push(IPV4);
            message.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            message.push(IPV6);
            message.extend_from_slice(&address.octets());
        }
        Err(_) => {
            // A name has at most 253 characters.
            let name = host.as_bytes();
            let name = name.get(..usize::from(u8::MAX)).unwrap_or(name);
            message.push(DOMAIN);
            message.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            message.extend_from_slice(name);
        }
    }
    message.extend_from_slice(&port.to_be_bytes());
    message
}

/// RFC 1928, section 6.
fn refusal(reply: u8) -> Tunnel {
    let how = match reply {
        1 => "it says “general failure”",
        2 => return Tunnel::Forbidden,
        3 => "it says that the network is unreachable",
        4 => "it says that the host is unreachable",
        5 => "it says that the host refuses the connection",
        6 => "it says that the way there is too long",
        7 => "it says that it opens no connections",
        8 => "it says that it does not know this kind of address",
        _ => "it gives a reason that no standard names",
    };
    Tunnel::NoWay {
        how: format!("{how} (reply {reply})"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::io::duplex;

    use super::*;

    /// What becomes of a proxy that says these words, one after each of ours.
    async fn answered(words: &[&[u8]], login: Option<&Login>) -> (Tunnel, Vec<u8>) {
        let (mut ours, mut theirs) = duplex(4096);
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.to_vec()).collect();
        let proxy = tokio::spawn(async move {
            let mut heard = Vec::new();
            let mut buffer = [0; 1024];
            for word in words {
                let length = theirs.read(&mut buffer).await.unwrap();
                heard.extend_from_slice(&buffer[..length]);
                theirs.write_all(&word).await.unwrap();
            }
            drop(theirs);
            heard
        });
        let deadline = Instant::now() + Duration::from_secs(5);
        let tunnel = open(&mut ours, "host.example", 443, login, deadline).await;
        drop(ours);
        (tunnel, proxy.await.unwrap())
    }

    #[tokio::test]
    async fn every_answer_is_told_apart() {
        let login = Login::new("lab", "swordfish");
        let opened: &[u8] = &[5, 0, 0, 1, 10, 0, 0, 1, 0, 80];
        let (tunnel, heard) = answered(&[&[5, 0], opened], None).await;
        assert_eq!(tunnel, Tunnel::Open);
        assert_eq!(
            heard,
            b"\x05\x01\x00\x05\x01\x00\x03\x0chost.example\x01\xbb"
        );
        let named: &[u8] = b"\x05\x00\x00\x03\x03abc\x00\x50";
        let (tunnel, heard) = answered(&[&[5, 2], &[1, 0], named], Some(&login)).await;
        assert_eq!(tunnel, Tunnel::Open);
        assert!(
            heard
                .windows(15)
                .any(|part| part == b"\x01\x03lab\x09swordfish")
        );
        for (words, login, expected) in [
            (&[&[5, 2][..]][..], None, Tunnel::LoginWanted),
            (&[&[5, 255]], None, Tunnel::LoginWanted),
            (&[&[5, 255]], Some(&login), Tunnel::LoginRefused),
            (&[&[5, 2], &[1, 1]], Some(&login), Tunnel::LoginRefused),
            (&[&[5, 0], &[5, 2, 0, 1]], None, Tunnel::Forbidden),
        ] {
            assert_eq!(answered(words, login).await.0, expected);
        }
        let (tunnel, _) = answered(&[&[5, 0], &[5, 4, 0, 1]], None).await;
        assert!(matches!(tunnel, Tunnel::NoWay { how } if how.contains("reply 4")));
        let (tunnel, _) = answered(&[b"HTTP/1.1 400 Bad Request\r\n"], None).await;
        assert!(matches!(tunnel, Tunnel::NotSocks { what } if what.contains("HTTP/1.1 400")));
        let (tunnel, _) = answered(&[&[5, 0], &[5]], None).await;
        assert!(matches!(tunnel, Tunnel::Cut { .. }), "{tunnel:?}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let mut stream = tokio::io::join(&bytes[..], tokio::io::sink());
                let deadline = Instant::now() + Duration::from_secs(5);
                let _ = open(&mut stream, "host.example", 443, None, deadline).await;
            });
        }
    }
}
