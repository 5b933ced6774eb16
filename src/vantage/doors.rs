//! One address and port, looked at from outside: as a client, and as Let's Encrypt.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::client::TlsStream;

use super::{
    redirect::Place,
    token::{self, Claim, Token},
    visitor::GREETING,
};
use crate::{
    facts::{
        outbound::{
            Connect, Handshake, Http, HttpOutcome, Tls, connect,
            http::{self, Wanted},
            tls::{self, Terms},
            trust::Trust,
        },
        probe_report::{DoctorsWord, Door, Purpose, RedirectStop, Redirects, Visit},
    },
    profile::{InboundPort, Speaks, Vantage},
};

/// What looking at any door needs.
pub struct Looker {
    /// The host, as it was named.
    pub host: String,
    /// The token of a `listen`, where it is known.
    pub token: Option<Token>,
    /// Whom this machine trusts.
    pub trust: Trust,
    /// What is asked for.
    pub vantage: Vantage,
    /// When to give up.
    pub deadline: Instant,
}

/// What a TLS connection opens to, and what was presented.
type Encrypted = (Tls, Option<TlsStream<TcpStream>>);

/// A challenge by which a doctor that listens is known, made anew for each request.
struct Question {
    nonce: String,
    query: String,
}

impl Looker {
    /// Looks at a door; once more where one lost packet explains what was seen.
    pub async fn look(self: Arc<Self>, address: IpAddr, inbound: InboundPort) -> Door {
        let now = Instant::now();
        let half = now + self.deadline.saturating_duration_since(now) / 2;
        let first = self.attempt(address, &inbound, half).await;
        if !may_be_a_lost_packet(&first) {
            return first;
        }
        let mut second = self.attempt(address, &inbound, self.deadline).await;
        second.tries = 2;
        second
    }

    async fn attempt(&self, address: IpAddr, inbound: &InboundPort, deadline: Instant) -> Door {
        let begun = Instant::now();
        let to = SocketAddr::new(address, inbound.port);
        let from = connect::source_address(to);
        let (outcome, stream) = connect::connect(to, deadline).await;
        let mut door = Door {
            address,
            port: inbound.port,
            speaks: inbound.speaks,
            from,
            tries: 1,
            connect: outcome,
            connect_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            tls: None,
            visits: Vec::new(),
        };
        let Some(stream) = stream else {
            return door;
        };
        match inbound.speaks {
            Speaks::Http => self.visit_http(stream, to, &mut door, deadline).await,
            Speaks::Https => self.visit_https(stream, to, &mut door, deadline).await,
        }
        door
    }

    async fn visit_http(
        &self,
        stream: TcpStream,
        to: SocketAddr,
        door: &mut Door,
        deadline: Instant,
    ) {
        let here = Place {
            is_https: false,
            port: to.port(),
            path: "/".into(),
        };
        let wanted = Wanted {
            host: &self.host_header(&here),
            question: http::Question::get("/"),
        };
        let front = http::request(stream, wanted, deadline);
        let challenge = self.challenge(to.ip(), here.clone(), deadline);
        let ((front, _), challenge) = tokio::join!(front, challenge);
        let followed = location(&front.outcome).map(ToOwned::to_owned);
        door.visits.push(Visit {
            purpose: Purpose::Front,
            redirects: Redirects {
                followed: followed.into_iter().collect(),
                stopped: None,
            },
            http: front,
            doctor: None,
        });
        door.visits.extend(challenge);
    }

    async fn visit_https(
        &self,
        stream: TcpStream,
        to: SocketAddr,
        door: &mut Door,
        deadline: Instant,
    ) {
        let (tls, stream) = self.encrypt(stream, deadline).await;
        door.tls = Some(tls);
        let Some(stream) = stream else {
            return;
        };
        let here = Place {
            is_https: true,
            port: to.port(),
            path: self.vantage.api_path.clone(),
        };
        let wanted = Wanted {
            host: &self.host_header(&here),
            question: http::Question::get(&here.path),
        };
        let (api, _) = http::request(stream, wanted, deadline).await;
        let is_node = matches!(&api.outcome, HttpOutcome::Answered(answer) if answer.status == 200);
        door.visits.push(Visit {
            purpose: Purpose::Api,
            redirects: Redirects::default(),
            http: api,
            doctor: None,
        });
        if !is_node || self.token.is_some() {
            door.visits
                .extend(self.challenge(to.ip(), here, deadline).await);
        }
    }

    /// Asks for what Let's Encrypt would, and follows redirects as it does; none without random bytes.
    async fn challenge(&self, address: IpAddr, from: Place, deadline: Instant) -> Option<Visit> {
        let mut place = Place {
            path: self.vantage.challenge_path.clone(),
            ..from
        };
        let mut redirects = Redirects::default();
        loop {
            let question = self.question(place.port)?;
            let (http, doctor) = self.ask(address, &place, &question, deadline).await;
            let Some(location) = location(&http.outcome).map(ToOwned::to_owned) else {
                return Some(Visit {
                    purpose: Purpose::Challenge,
                    redirects,
                    http,
                    doctor,
                });
            };
            let most = usize::from(self.vantage.most_redirects);
            let next = if redirects.followed.len() >= most {
                Err(RedirectStop::TooMany(location))
            } else {
                place.follow(&location, &self.host, &self.vantage)
            };
            match next {
                Ok(next) => {
                    redirects.followed.push(next.url(&self.host));
                    place = next;
                }
                Err(stop) => {
                    redirects.stopped = Some(stop);
                    return Some(Visit {
                        purpose: Purpose::Challenge,
                        redirects,
                        http,
                        doctor,
                    });
                }
            }
        }
    }

    async fn ask(
        &self,
        address: IpAddr,
        place: &Place,
        question: &Question,
        deadline: Instant,
    ) -> (Http, Option<DoctorsWord>) {
        let begun = Instant::now();
        let no_answer = |outcome| {
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            (Http { outcome, took_ms }, None)
        };
        let to = SocketAddr::new(address, place.port);
        let (outcome, stream) = connect::connect(to, deadline).await;
        let Some(stream) = stream else {
            return no_answer(unopened(&outcome, to));
        };
        let path = format!("{}?{}", place.path, question.query);
        let host = self.host_header(place);
        let wanted = Wanted {
            host: &host,
            question: http::Question::get(&path),
        };
        let (http, body, tls) = if place.is_https {
            let (tls, stream) = self.encrypt(stream, deadline).await;
            let Some(stream) = stream else {
                return no_answer(match tls.handshake {
                    Handshake::Silent => HttpOutcome::Silent,
                    _ => HttpOutcome::Cut("TLS did not come about".into()),
                });
            };
            let (http, body) = http::request(stream, wanted, deadline).await;
            (http, body, Some(tls))
        } else {
            let (http, body) = http::request(stream, wanted, deadline).await;
            (http, body, None)
        };
        let doctor = self.doctors_word(&body, tls.as_ref(), place.port, question);
        (http, doctor)
    }

    async fn encrypt(&self, stream: TcpStream, deadline: Instant) -> Encrypted {
        let terms = Terms {
            authorities: self.trust.store(None),
            organizations: &self.trust.organizations,
            server_name: self.host.trim_start_matches('[').trim_end_matches(']'),
        };
        tls::handshake(stream, terms, deadline).await
    }

    fn host_header(&self, place: &Place) -> String {
        let default = if place.is_https { 443 } else { 80 };
        let host = if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if place.port == default {
            host
        } else {
            format!("{host}:{}", place.port)
        }
    }

    fn question(&self, port: u16) -> Option<Question> {
        let nonce = token::nonce().ok()?;
        let proof = self.token.as_ref().map_or_else(String::new, |token| {
            format!("&proof={}", token::prove(token, Claim::Asks, &nonce, port))
        });
        Some(Question {
            query: format!("nonce={nonce}{proof}"),
            nonce,
        })
    }

    /// What an answer proves, where it is one of a doctor that listens.
    fn doctors_word(
        &self,
        body: &[u8],
        tls: Option<&Tls>,
        port: u16,
        question: &Question,
    ) -> Option<DoctorsWord> {
        let text = std::str::from_utf8(body).ok()?;
        let mut lines = text.lines();
        if lines.next()? != GREETING {
            return None;
        }
        let Some(token) = &self.token else {
            return Some(DoctorsWord::Unproven);
        };
        let proof = |word: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
                .unwrap_or_default()
        };
        let holds = |claim, proof| token::holds(token, claim, &question.nonce, port, proof);
        if !holds(Claim::Answers, proof("proof")) {
            return Some(DoctorsWord::WrongToken);
        }
        let certificate = tls.and_then(|tls| tls.chain.first());
        match (tls, certificate) {
            (None, _) => Some(DoctorsWord::Proven),
            (Some(_), Some(leaf))
                if holds(Claim::Sends(&leaf.fingerprint), proof("certificate")) =>
            {
                Some(DoctorsWord::Proven)
            }
            (Some(_), _) => Some(DoctorsWord::OtherCertificate),
        }
    }
}

/// What a connection that does not open comes to as an answer.
fn unopened(connect: &Connect, to: SocketAddr) -> HttpOutcome {
    match connect {
        Connect::Silent => HttpOutcome::Silent,
        Connect::Refused => HttpOutcome::Cut(format!("{to} resets the connection")),
        Connect::Filtered { how, .. }
        | Connect::Unreachable { how, .. }
        | Connect::Failed { how } => {
            HttpOutcome::Cut(format!("{to} cannot be connected to: {how}"))
        }
        Connect::Open => HttpOutcome::Cut(format!("{to} closes the connection")),
    }
}

/// Where an answer redirects to.
fn location(outcome: &HttpOutcome) -> Option<&str> {
    match outcome {
        HttpOutcome::Answered(answer) if matches!(answer.status, 301 | 302 | 303 | 307 | 308) => {
            answer.location.as_deref()
        }
        _ => None,
    }
}

/// Whether one lost or misdirected packet would look like this.
fn may_be_a_lost_packet(door: &Door) -> bool {
    if door.connect != Connect::Open {
        return !matches!(door.connect, Connect::Unreachable { by: None, .. });
    }
    let tls_cut = door
        .tls
        .as_ref()
        .is_some_and(|tls| matches!(tls.handshake, Handshake::Cut(_) | Handshake::Silent));
    let http_cut = door.visits.iter().any(|visit| {
        matches!(
            visit.http.outcome,
            HttpOutcome::Cut(_) | HttpOutcome::Silent
        )
    });
    tls_cut || http_cut
}
