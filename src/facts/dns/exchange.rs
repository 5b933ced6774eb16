//! One question to one server: by UDP, once more, then by TCP, all within one deadline.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    Answer, Asked, PORT, RecordKind, Reply, ReplyCode, Transport,
    message::{Heard, Question, Style},
};

/// The part of the deadline after which a datagram counts as lost and is sent again.
const SEND_AGAIN_AFTER: u32 = 4;
/// The part of the deadline after which TCP is tried beside a silent UDP.
const TRY_TCP_AFTER: u32 = 2;

/// Asks one server for the records of a name.
pub async fn ask(server: IpAddr, name: &str, kind: RecordKind, deadline: Instant) -> Asked {
    let begun = Instant::now();
    let mut exchange = Exchange {
        server: SocketAddr::new(server, PORT),
        deadline,
        tries: 0,
        udp_is_silent: false,
        transport: Transport::Udp,
    };
    let answer = match exchange.ask_thoroughly(name, kind).await {
        Ok(reply) => Answer::Replied(reply),
        Err(trouble) => trouble.into(),
    };
    Asked {
        server,
        kind,
        transport: exchange.transport,
        tries: exchange.tries,
        udp_is_silent: exchange.udp_is_silent,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        answer,
    }
}

struct Exchange {
    server: SocketAddr,
    deadline: Instant,
    tries: u8,
    udp_is_silent: bool,
    transport: Transport,
}

/// Why there is no reply.
#[derive(Debug)]
enum Trouble {
    Silent,
    Io(io::Error),
    Garbage(String),
}

impl From<Trouble> for Answer {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Silent => Self::Silent,
            Trouble::Garbage(what) => Self::Garbage(what),
            Trouble::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => {
                    Self::Rejected("nothing listens on its port 53, or a filter says so".into())
                }
                io::ErrorKind::ConnectionReset => Self::Rejected("the connection was reset".into()),
                io::ErrorKind::PermissionDenied => {
                    Self::Rejected(format!("a packet filter refused it: {error}"))
                }
                io::ErrorKind::TimedOut => Self::Silent,
                io::ErrorKind::UnexpectedEof => {
                    Self::Garbage("the connection was closed in the middle of a reply".into())
                }
                _ => Self::Unreachable(error.to_string()),
            },
        }
    }
}

impl Exchange {
    /// Asks, and where the server fails, asks in the ways that tell why.
    async fn ask_thoroughly(&mut self, name: &str, kind: RecordKind) -> Result<Reply, Trouble> {
        let question = |style| Question::new(name, kind, style).map_err(Trouble::Garbage);
        let mut reply = self.ask(&question(Style::Modern)?).await?;
        if matches!(reply.code, ReplyCode::Other(_)) {
            // Very old servers take offence at extensions.
            reply = self.ask(&question(Style::Plain)?).await.unwrap_or(reply);
        }
        if reply.code == ReplyCode::ServFail {
            // One lost packet behind the server can make it fail.
            reply = self.ask(&question(Style::Modern)?).await.unwrap_or(reply);
        }
        if reply.code == ReplyCode::ServFail
            && let Ok(unvalidated) = self.ask(&question(Style::Unvalidated)?).await
        {
            reply.answers_without_validation = unvalidated.code == ReplyCode::NoError;
        }
        Ok(reply)
    }

    async fn ask(&mut self, question: &Question) -> Result<Reply, Trouble> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let (server, deadline) = (self.server, self.deadline);
        self.transport = Transport::Udp;
        self.udp_is_silent = false;
        self.tries = self.tries.saturating_add(1);
        let mut sent_again = false;
        let by_udp = by_udp(server, question, left / SEND_AGAIN_AFTER, &mut sent_again);
        let heard = {
            let mut by_udp = std::pin::pin!(timeout_at(deadline, by_udp));
            let patience = Instant::now() + left / TRY_TCP_AFTER;
            tokio::select! {
                heard = &mut by_udp => heard,
                late = async {
                    sleep_until(patience).await;
                    // A server that answers over TCP only is an answer; one that does not says nothing about UDP.
                    match timeout_at(deadline, by_tcp(server, question)).await {
                        Ok(Ok(reply)) => reply,
                        _ => std::future::pending().await,
                    }
                } => {
                    self.transport = Transport::Tcp;
                    self.udp_is_silent = true;
                    self.tries = self.tries.saturating_add(2);
                    return Ok(late);
                }
            }
        };
        self.tries = self.tries.saturating_add(u8::from(sent_again));
        match heard {
            Ok(Ok(Heard::Reply(reply))) => Ok(reply),
            Err(_elapsed) => Err(Trouble::Silent),
            // Cut short, garbage or refused: TCP may still bring it.
            Ok(other) => {
                self.tries = self.tries.saturating_add(1);
                self.transport = Transport::Tcp;
                match (other, timeout_at(deadline, by_tcp(server, question)).await) {
                    (_, Ok(Ok(reply))) => Ok(reply),
                    (Err(trouble), _) | (Ok(_), Ok(Err(trouble))) => Err(trouble),
                    (Ok(_), Err(_elapsed)) => Err(Trouble::Silent),
                }
            }
        }
    }
}

/// Asks by datagram, and once more after `again`; waits as long as it is let.
async fn by_udp(
    server: SocketAddr,
    question: &Question,
    again: Duration,
    sent_again: &mut bool,
) -> Result<Heard, Trouble> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))
        .await
        .map_err(Trouble::Io)?;
    socket.connect(server).await.map_err(Trouble::Io)?;
    let mut trouble = None;
    // Anything larger than asked for is cut and so no DNS message.
    let mut buffer = vec![0; 4096];
    for attempt in 0..2 {
        *sent_again = attempt > 0;
        socket.send(&question.packet).await.map_err(Trouble::Io)?;
        let patience = if attempt == 0 {
            Instant::now() + again
        } else {
            // The caller's deadline comes first.
            Instant::now() + again * (SEND_AGAIN_AFTER + 1)
        };
        match timeout_at(patience, socket.recv(&mut buffer)).await {
            Err(_elapsed) => {}
            Ok(Ok(length)) => match question.read(buffer.get(..length).unwrap_or_default()) {
                Ok(heard) => return Ok(heard),
                Err(what) => trouble = Some(Trouble::Garbage(what)),
            },
            Ok(Err(error)) => trouble = Some(Trouble::Io(error)),
        }
    }
    Err(trouble.unwrap_or(Trouble::Silent))
}

async fn by_tcp(server: SocketAddr, question: &Question) -> Result<Reply, Trouble> {
    let mut stream = TcpStream::connect(server).await.map_err(Trouble::Io)?;
    let length = u16::try_from(question.packet.len())
        .map_err(|_| Trouble::Garbage("the question is too long".into()))?;
    let mut packet = length.to_be_bytes().to_vec();
    packet.extend_from_slice(&question.packet);
    stream.write_all(&packet).await.map_err(Trouble::Io)?;
    let length = stream.read_u16().await.map_err(Trouble::Io)?;
    let mut packet = vec![0; usize::from(length)];
    stream.read_exact(&mut packet).await.map_err(Trouble::Io)?;
    match question.read(&packet) {
        Ok(Heard::Reply(reply)) => Ok(reply),
        Ok(Heard::CutShort) => Err(Trouble::Garbage("a reply cut short over TCP".into())),
        Err(what) => Err(Trouble::Garbage(what)),
    }
}
