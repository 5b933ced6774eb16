//! Secrets that must never come out again, in every form, and how to look for them.
#![allow(dead_code)]

use std::{collections::BTreeSet, fmt::Write};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// One secret as it was put somewhere.
pub struct Canary {
    /// The secret itself.
    pub secret: String,
    /// The text that holds it.
    pub planted: String,
}

/// What stands before a canary, and has to be found again: it shows that the place was visited.
pub fn marker(number: usize) -> String {
    format!("visited {number:04} here")
}

/// Canaries one behind the other, each after its marker; the first has this number.
pub fn planted(canaries: &[Canary], first: usize) -> String {
    let mut text = String::new();
    for (number, canary) in (first..).zip(canaries) {
        let _ = write!(text, "{}\n{}\n", marker(number), canary.planted);
    }
    text
}

/// A secret that the doctor meets in a configuration file, in the spellings in which a log may hold it.
pub fn of_known(secret: &str) -> Vec<Canary> {
    let json = serde_json::to_string(secret).unwrap();
    let json = &json[1..json.len() - 1];
    let percent = |upper: bool, kept: &str| {
        secret.bytes().fold(String::new(), |mut text, byte| {
            if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
                text.push(char::from(byte));
            } else if upper {
                let _ = write!(text, "%{byte:02X}");
            } else {
                let _ = write!(text, "%{byte:02x}");
            }
            text
        })
    };
    let unicode: String = secret
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let within = |before: &str, after: &str| STANDARD.encode(format!("{before}{secret}{after}"));
    let folded = |width: usize, gap: &str| {
        let encoded = within(
            "{\"user\":\"robot\",\"note\":\"a longer document\",\"value\":\"",
            "\"}",
        );
        let lines: Vec<&str> = encoded
            .as_bytes()
            .chunks(width)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        lines.join(gap)
    };
    let texts = vec![
        format!("plain {secret} in a line"),
        format!("glued x{secret}y"),
        format!("{{\"log\":\"json {json} end\"}}"),
        format!("{{\"log\":\"slashes {} end\"}}", json.replace('/', "\\/")),
        format!("{{\"log\":\"escapes {unicode} end\"}}"),
        format!("GET /x?q={}&page=2", percent(true, "-._~")),
        format!("GET /x?q={}&page=2", percent(false, "-._~")),
        format!(
            "GET /x?q={}&page=2",
            percent(true, "-._*").replace("%20", "+")
        ),
        format!("GET /x?q={}&page=2", percent(true, "-._~!'()*")),
        format!("b64 {} end", within("", "")),
        format!("b64 {} end", within("x", "z")),
        format!("b64 {} end", within("xy", "zz")),
        format!("b64 {} end", within("user:", "")),
        format!(
            "url-b64 {} end",
            URL_SAFE_NO_PAD.encode(format!("a{secret}b"))
        ),
        format!("hex {hex} end"),
        format!("hex {} end", hex.to_uppercase()),
        folded(64, "\n"),
        folded(76, "\r\n"),
        folded(20, "\n  "),
        format!("ERROR cannot log in with {secret}: 401"),
        format!("ps: /usr/bin/prog --value {secret} --verbose"),
        format!(
            "html <td>{}</td>",
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('"', "&quot;")
        ),
    ];
    texts
        .into_iter()
        .map(|planted| Canary {
            secret: secret.to_owned(),
            planted,
        })
        .collect()
}

/// Texts around a secret that nobody has told the doctor of; `{}` is the secret, a word of letters and digits.
const BY_FORM: &[&str] = &[
    "DB_PASSWORD={}",
    "export APP_SECRET='{}'",
    "app.datasource.password: {}",
    "  api-token: \"{}\"",
    "password: |\n  {}\nuser: me",
    "{\"client_secret\":\"{}\",\"id\":1}",
    "{\"msg\":\"{\\\"password\\\":\\\"{}\\\"}\"}",
    "cmd [\"prog\",\"--password\",\"{}\"]",
    "cmd prog --password {} --verbose",
    "cmd prog --api-key={} x",
    "jdbc:x;user=a;password={};ssl=true",
    "Server=a;Password={};Database=z",
    "<password>{}</password>",
    "GET /x?access_token={}&page=2",
    "level=info token={} msg=x",
    "the token: {} was used",
    "Authorization: Bearer {}",
    "authorization: Basic {}",
    "Authorization: Digest username=\"u\", response=\"{}\"",
    "curl -H 'Authorization: Token {}' https://x",
    "\"Authorization\": \"Splunk {}\"",
    "Proxy-Authorization: Negotiate {}",
    "Cookie: session={}; theme=dark",
    "Set-Cookie: sid={}; Path=/",
    "curl -u admin:{} https://x",
    "http://user:{}@proxy:3128/",
    "postgres://user:{}@db/x",
    "amqp:\\/\\/user:{}@queue",
    "url=http%3A%2F%2Fuser%3A{}%40proxy%3A3128",
    "https://x.blob.core.windows.net/c?sv=2020&sig={}%3D&se=2026",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==;EndpointSuffix=x",
    "Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey={}=",
    "aws_secret_access_key = {}",
    "X-Amz-Credential=a&X-Amz-Signature={}&x=1",
    "ghp_{}0123456789 done",
    "xoxb-123456789012-{} done",
    "glpat-{} done",
    "AIzaSy{}0123456789 done",
    "npm_{}0000000000000 done",
    "hvs.{} done",
    "{\"auths\":{\"x\":{\"auth\":\"{}\"}}}",
    "identitytoken: {}",
    "eyJhbGciOiJIUzI1NiJ9.{}.c2lnbmF0dXJl done",
    "-----BEGIN PRIVATE KEY-----\n{}{}\n{}\n-----END PRIVATE KEY-----",
    "{\"key\":\"-----BEGIN RSA PRIVATE KEY-----\\n{}\\n-----END RSA PRIVATE KEY-----\\n\"}",
    "t1 | -----BEGIN OPENSSH PRIVATE KEY-----\nt1 | {}{}\nt1 | {}==\nt1 | and on",
    "-----BEGIN SESAM LICENSE-----\n{}{}\n-----END SESAM LICENSE-----",
    "user:$apr1$abcdefgh${} done",
    "traefik.http.middlewares.a.basicauth.users=u:$$2y$$05$${}",
    "AUTH_HEADER=Basic {}",
    "['FLUENTBIT_AUTH_HEADER=Splunk {}', 'PORT=443']",
    "mysql --password={} -e x",
    "//server/share /mnt cifs username=a,password={},uid=0 0 0",
    "docker login --username a --password {}",
    "Bearer {} was refused",
    "X-Api-Key: {}",
];

/// Secrets that are known only by how or where they stand, `each` times every form.
pub fn by_form(each: usize) -> Vec<Canary> {
    let mut canaries = Vec::new();
    for round in 0..each {
        for (number, form) in BY_FORM.iter().enumerate() {
            let secret = format!("Cy{round}Zq{number:03}wXkR7tBn5Pd3Lm9");
            canaries.push(Canary {
                planted: form.replace("{}", &secret),
                secret,
            });
        }
    }
    canaries
}

/// The spellings of a canary of which none may come out.
fn traces(canary: &Canary) -> BTreeSet<String> {
    let mut traces = BTreeSet::from([canary.secret.clone()]);
    for (before, drop) in [("", 0), ("x", 2), ("xy", 3)] {
        let encoded = STANDARD.encode(format!("{before}{}", canary.secret));
        let stable = &encoded[drop..encoded.len().saturating_sub(4)];
        traces.insert(stable.to_owned());
        traces.insert(stable.replace('+', "-").replace('/', "_"));
    }
    let hex: String = canary
        .secret
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    traces.insert(hex.to_uppercase());
    traces.insert(hex);
    let json = serde_json::to_string(&canary.secret).unwrap();
    traces.insert(json[1..json.len() - 1].to_owned());
    traces
}

/// Finds canaries in whatever comes out.
pub struct Search<'a> {
    canaries: &'a [Canary],
    /// Each trace with the canary that it is of, in the order of the automaton's patterns.
    traces: Vec<(String, usize)>,
    automaton: AhoCorasick,
}

impl<'a> Search<'a> {
    /// A search for these.
    pub fn new(canaries: &'a [Canary]) -> Self {
        let traces: Vec<(String, usize)> = canaries
            .iter()
            .enumerate()
            .flat_map(|(number, canary)| {
                traces(canary).into_iter().map(move |trace| (trace, number))
            })
            .collect();
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .build(traces.iter().map(|(trace, _)| trace))
            .unwrap();
        Self {
            canaries,
            traces,
            automaton,
        }
    }

    /// The canaries that a text holds, in any spelling, also where lines were folded.
    pub fn leaks(&self, place: &str, text: &[u8]) -> Vec<String> {
        let unfolded: Vec<u8> = text
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        // One trace can lie within another: those of every canary are found by themselves.
        let found: BTreeSet<usize> = [text, unfolded.as_slice()]
            .into_iter()
            .flat_map(|text| self.automaton.find_overlapping_iter(text))
            .map(|found| found.pattern().as_usize())
            .collect();
        found
            .into_iter()
            .map(|pattern| {
                let (trace, canary) = &self.traces[pattern];
                format!("{place}: {trace} of {}", self.canaries[*canary].planted)
            })
            .collect()
    }
}
