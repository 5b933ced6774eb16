use base64::Engine;
use serde_json::json;

use super::*;

#[test]
fn a_known_secret_is_hidden_in_every_spelling() {
    let redactor = Redactor::default();
    redactor.learn("p\"ss w/rd");
    for text in [
        "p\"ss w/rd",
        r#"{"a":"p\"ss w/rd"}"#,
        "https://host/?q=p%22ss%20w%2Frd",
        &format!(
            "x{}y",
            base64::engine::general_purpose::STANDARD.encode("p\"ss w/rd")
        ),
    ] {
        let clean = redactor.text(text);
        assert!(clean.contains(MARK), "{text} → {clean}");
        assert!(!clean.contains("ss w"), "{text} → {clean}");
    }
}

#[test]
fn secrets_are_known_by_their_form() {
    let redactor = Redactor::default();
    for (text, kept) in [
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest",
            "rest",
        ),
        (
            "a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-_ b",
            "b",
        ),
        ("Authorization: Bearer abcdef.ghi end", "end"),
        ("proxy http://user:hunter2@proxy:3128/", "@proxy:3128/"),
        (
            "-----BEGIN SESAM LICENSE-----\nAAAA\n-----END SESAM LICENSE-----\nrest",
            "rest",
        ),
    ] {
        let clean = redactor.text(text);
        assert!(
            clean.contains(MARK) && clean.contains(kept),
            "{text} → {clean}"
        );
        for secret in ["MIIE", "eyJ", "abcdef", "hunter2", "AAAA"] {
            assert!(!clean.contains(secret), "{text} → {clean}");
        }
    }
}

#[test]
fn ordinary_text_is_left_alone() {
    let redactor = Redactor::default();
    redactor.learn("abc");
    let text = "abc: see https://example.com:443/path, authorization needed";
    assert_eq!(redactor.text(text), text);
}

#[test]
fn a_secret_that_is_one_of_our_own_words_leaves_a_document_readable() {
    let redactor = Redactor::default();
    redactor.learn("seen");
    let mut document = json!({"state": "seen", "value": "it was seen"});
    redactor.document(&mut document);
    assert_eq!(
        document,
        json!({"state": "seen", "value": "it was [redacted]"})
    );
}

#[test]
fn documents_are_cleaned_in_values_and_names() {
    let redactor = Redactor::default();
    redactor.learn("hunter22");
    let mut document = json!({"a": ["x hunter22 y", 3], "hunter22": {"b": "hunter22"}});
    redactor.document(&mut document);
    assert_eq!(
        document,
        json!({"a": ["x [redacted] y", 3], "[redacted]": {"b": "[redacted]"}})
    );
}

/// A text, what of it must not leave, and what must stay.
const SECRETS: &[(&str, &str, &str)] = &[
    ("DB_PASSWORD=hunter2", "hunter2", "DB_PASSWORD="),
    ("export API_TOKEN='a b c' # x", "a b c", "# x"),
    ("password: swordfish", "swordfish", "password:"),
    (
        "  db-password: \"sword fish\"\n  user: me",
        "fish",
        "user: me",
    ),
    ("password: |\n  one1\n  two2\nuser: me", "two2", "user: me"),
    (
        "2026-11-25T01:00:00.100Z password: |\n2026-11-25T01:00:00.101Z   one1\n2026-11-25T01:00:01.000Z user: me",
        "one1",
        "user: me",
    ),
    (
        "{\"password\":\"a\\\"b\",\"user\":\"me\"}",
        "a\\\"b",
        "\"user\":\"me\"",
    ),
    (
        "{\"msg\":\"{\\\"password\\\":\\\"pa55\\\",\\\"user\\\":\\\"me\\\"}\"}",
        "pa55",
        "user",
    ),
    (
        "{\"tokens\": [\"abc\", \"def\"], \"n\": 1}",
        "def",
        "\"n\": 1",
    ),
    (
        "\"--password\", \"hunter2\", \"--verbose\"",
        "hunter2",
        "--verbose",
    ),
    ("prog --password hunter2 --verbose", "hunter2", "--verbose"),
    ("prog --api-key=abc123 x", "abc123", " x"),
    ("mysql: password=hunter2; user=x", "hunter2", "user=x"),
    ("Server=a;Password=x!y;Database=z", "x!y", "Database=z"),
    ("<password>hunter2</password>", "hunter2", "</password>"),
    (
        "GET /x?access_token=abc.def-1&page=2",
        "abc.def-1",
        "page=2",
    ),
    (
        "[\"AUTH_HEADER=Basic dXNlcjpwYXNz\",\"PORT=443\"]",
        "dXNlcjpwYXNz",
        "PORT=443",
    ),
    (
        "AUTH_HEADER=Basic dXNlcjpwYXNz",
        "dXNlcjpwYXNz",
        "AUTH_HEADER",
    ),
    (
        "msg=\"login\" token=s3cr3tv4lue level=info",
        "s3cr3tv4lue",
        "level=info",
    ),
    (
        "using token: abcdef0123456789 for it",
        "abcdef0123456789",
        "for it",
    ),
    (
        "Authorization: Digest username=\"u\", response=\"abc\"\nHost: x",
        "abc",
        "Host: x",
    ),
    ("Authorization: Strange abc def\nHost: x", "def", "Host: x"),
    (
        "-H 'Authorization: Bearer abc.def' https://x",
        "abc.def",
        "https://x",
    ),
    ("\"Authorization\": \"token abc\"", "abc\"", "token"),
    ("proxy-authorization: basic YTpi", "YTpi", "basic"),
    ("Set-Cookie: sid=abc; Path=/\nx", "abc", "\nx"),
    ("x Bearer abcdef0123456789, y", "abcdef0123456789", ", y"),
    ("curl -u admin:hunter2 https://x", "hunter2", "https://x"),
    ("http://user:p%40ss@proxy:3128/ x", "p%40ss", "proxy:3128"),
    ("http://user:p@s/s@proxy:3128/ x", "s/s", "proxy:3128"),
    ("http:\\/\\/user:pass@proxy", "user", "proxy"),
    ("https://a/ http:\\/\\/user:pa55@b", "pa55", "@b"),
    (
        "url=http%3A%2F%2Fuser%3Apass%40proxy%3A3128",
        "pass",
        "proxy",
    ),
    ("https://9f86d081884c7d65@host/", "9f86d081", "host"),
    (
        "?sv=1&sig=abcdefghijklmnopqrstuvwx%3D&se=2",
        "abcdefgh",
        "se=2",
    ),
    (
        "AccountName=a;AccountKey=abc+/==;EndpointSuffix=b",
        "abc+/==",
        "EndpointSuffix",
    ),
    ("id AKIAIOSFODNN7EXAMPLE.", "AKIA", "id "),
    ("ghp_0123456789abcdefghijABCDEFGHIJ012345 x", "ghp_", " x"),
    ("xoxb-1234567890-abc x", "xoxb", " x"),
    (
        "{\"auths\":{\"x\":{\"auth\":\"dXNlcjpwYXNz\"}}}",
        "dXNlcjpwYXNz",
        "auths",
    ),
    (
        "X-Registry-Auth: eyJ1c2VybmFtZSI6ImEiLCJwYXNzd29yZCI6ImIifQ==",
        "eyJ1",
        "X-Registry-Auth",
    ),
    (
        "user:$apr1$abcdefgh$0123456789abcdefghijkl x",
        "0123456789",
        "user:",
    ),
    (
        "labels: traefik.http.middlewares.a.basicauth.users=u:$$2y$$05$$abc",
        "abc",
        "users=",
    ),
    (
        "-----BEGIN PRIVATE KEY-----\\nMIIEabc\\n-----END PRIVATE KEY-----\\n",
        "MIIE",
        "",
    ),
    (
        "t | -----BEGIN EC PRIVATE KEY-----\nt | 0123456789abcdefghijklmnop\nt | qrs=\nt | done here",
        "0123456789",
        "done here",
    ),
    (
        "x LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JSUUKLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo= y",
        "LS0t",
        " y",
    ),
    (
        "FLUENTBIT_AUTH_HEADER=Splunk 12ab",
        "12ab",
        "FLUENTBIT_AUTH_HEADER=",
    ),
    ("password=${DB:-fallback}", "fallback", "password="),
    ("+ password: a b c", "b", "+ password:"),
    ("password = s3cret(x)", "s3cret", "password ="),
    ("password=(hunter2)", "hunter2", "password="),
    (
        "token: one of the words w1tha5ecretvalue",
        "w1tha5",
        "token:",
    ),
];

#[test]
fn secrets_are_known_by_their_form_or_name() {
    let redactor = Redactor::default();
    let mut wrong = Vec::new();
    for (text, secret, kept) in SECRETS {
        let clean = redactor.text(text);
        let is_clean = clean.contains(MARK) && !clean.contains(secret) && clean.contains(kept);
        if !is_clean || redactor.text(&clean) != clean {
            wrong.push(format!("{text} → {clean} → {}", redactor.text(&clean)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ordinary_words_stay() {
    let redactor = Redactor::default();
    let mut wrong = Vec::new();
    for text in [
        "Unexpected token: } in JSON at position 4",
        "the token: expired; the password is wrong",
        "using password: YES",
        "password: required",
        "TOKEN_FILE=/etc/token",
        "/etc/passwd:3: no such user",
        "/etc/passwd: no recorded facts: expected value at line 1",
        "token_type=bearer&expires_in=3600",
        "max_tokens=4096 tokens: 120",
        "pass: 12, fail: 3",
        "key=value primary_key=12 partition key: a-b",
        "authorization: needed",
        "authentication failed for user x",
        "https://example.com:443/a@b",
        "ssh://git@github.com/x",
        "mail a@example.com",
        "image sesam/x@sha256:0123456789abcdef",
        "DB_PASSWORD=${DB_PASSWORD}",
        "AUTH_HEADER=${FLUENTBIT_AUTH_HEADER}",
        "secret: {}",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "docker run -u 1000:1000 --user sesam:sesam x",
        "basic auth is on, bearer of news",
        "Basic authentication:",
        "if (token == other) return",
        "pwd=/srv/data",
        "design=abcdefghijklmnopqrstuvwx",
        "2026-11-25T10:00:00.123Z INFO token refreshed",
        "\tat com.example.auth.PasswordEncoder.create(PasswordEncoder.java:76)",
        "  File \"x.py\", line 3\n    token = os.environ[\"TOKEN\"]\n    password = getpass.getpass(\"Password: \")",
        "    passwd = _raw_input(prompt, stream, input=input)",
        "  + access_key    = (known after apply)\n  ~ master_password = (sensitive value)",
        " - SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data",
        "passwd:         files systemd sss [!UNAVAIL=return] ldap\nshadow: files",
        "status installed passwd:amd64 1:4.8.1-2ubuntu2.1",
        "{\"password\": \"$SECRET(db-password)\", \"client_secret\": \"$ENV(client-secret)\"}",
        "pam_unix(passwd:chauthtok): password changed for kari",
        "UPDATE sessions SET token = $1, expires_at = $2",
        "password hashing uses password_encryption=scram-sha-256",
        "https://graph.example.com/users/delta?$deltatoken=0123456789abcdefABCDEF&pageToken=a1b2c3d4e5",
        "Connected to amqp://guest:**@rabbitmq:5672//",
        "exec: \"docker-credential-desktop\": executable file not found in $PATH",
        "org.example.BadCredentialsException: Bad credentials",
        ">> \"Authorization: [hidden]\"",
        "key_vault_secret.db: Refreshing state... [id=https://kv.vault.example/secrets/db/0123456789abcdef]",
        "'token_endpoint_auth_methods_supported': ['client_secret_post', 'private_key_jwt']",
        "{\"eos_token\": \"</s>\", \"pad_token\": \"<pad>\"}",
    ] {
        if redactor.text(text) != text {
            wrong.push(format!("{text} → {}", redactor.text(text)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn equal_secrets_have_equal_marks_and_keys_decide_which() {
    let redactor = Redactor::default().with_marks(MarkKey::of(b"one"));
    redactor.learn("hunter22-known");
    let encoded = base64::engine::general_purpose::STANDARD.encode("u:hunter22-known");
    let marks = |text: &str| {
        let clean = redactor.text(text).into_owned();
        let start = clean.find("[redacted:").unwrap();
        clean[start..start + 19].to_owned()
    };
    let mark = marks("a hunter22-known b");
    assert_eq!(marks("password=hunter22-known"), mark);
    assert_eq!(marks(&format!("x {encoded}")), mark);
    assert_ne!(marks("password=other"), mark);
    let other = redactor.with_marks(MarkKey::of(b"two"));
    assert!(!other.text("hunter22-known").contains(&mark));
}

#[test]
fn a_secret_is_found_where_lines_were_folded() {
    let redactor = Redactor::default();
    let secret = "Zq9xW7-hunter22/value+1";
    redactor.learn(secret);
    let around = format!("{}{secret}{}", "x".repeat(37), "y".repeat(50));
    let encoded = base64::engine::general_purpose::STANDARD.encode(around);
    for width in [20, 40, 64, 76] {
        for gap in ["\n", "\r\n", "\\n", "\n  ", " \\\n"] {
            let lines: Vec<&str> = encoded
                .as_bytes()
                .chunks(width)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let clean = redactor.text(&lines.join(gap)).replace(gap, "");
            for part in encoded.as_bytes()[52..].windows(12).take(16) {
                let part = std::str::from_utf8(part).unwrap();
                assert!(!clean.contains(part), "{width} {gap:?}: {clean} has {part}");
            }
        }
    }
}

#[test]
fn a_part_of_a_key_is_a_secret_too() {
    let redactor = Redactor::default();
    let key: String = (0..600_u32)
        .map(|n| char::from(b"ABcdEF01ghIJ23klMN45"[(n * n % 20) as usize]))
        .collect();
    redactor.learn(&key);
    for start in (0..560).step_by(7) {
        let text = format!("log {} end", &key[start..start + 30]);
        assert_eq!(redactor.text(&text), "log [redacted] end");
    }
}

#[test]
fn people_and_machines_can_be_hidden_too() {
    let key = MarkKey::of(b"key");
    let redactor = Redactor::default().masking_identity(key);
    let clean = redactor.text(
        "from Jane.Doe@example.com <jane.doe@EXAMPLE.com> at 8.8.8.8:53 and 8.8.8.8, 10.0.0.1, v1.2.3.4x, 2a00:1450::8 ::1 10:11:12",
    );
    let words: Vec<&str> = clean.split([' ', ',', '<', '>']).collect();
    assert!(
        !clean.contains("example.com") && !clean.contains("8.8.8.8"),
        "{clean}"
    );
    assert!(!clean.contains("2a00:"), "{clean}");
    assert_eq!(words[1].to_lowercase(), words[3].to_lowercase(), "{clean}");
    for kept in ["10.0.0.1", "v1.2.3.4x", "::1", "10:11:12", ":53"] {
        assert!(clean.contains(kept), "{clean}");
    }
    let address = clean
        .split(" at ")
        .nth(1)
        .unwrap()
        .split(':')
        .next()
        .unwrap();
    assert!(address.parse::<std::net::Ipv4Addr>().is_ok(), "{address}");
    assert!(clean.contains(&format!("and {address},")), "{clean}");
}

/// Gives what it has in pieces of odd lengths.
struct Dripping<'a>(&'a [u8], usize);

impl std::io::Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 * 7 % 65_537 + 1;
        let length = self.1.min(buffer.len()).min(self.0.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn streamed(redactor: &Redactor, text: &[u8]) -> (Vec<u8>, Passed) {
    let mut clean = Vec::new();
    let passed = redactor
        .stream(&mut Dripping(text, 11), &mut clean)
        .unwrap();
    (clean, passed)
}

#[test]
fn a_stream_loses_its_secrets_wherever_its_windows_end() {
    let redactor = Redactor::default().with_marks(MarkKey::of(b"key"));
    redactor.learn("hunter22-known");
    let filler = "2026-11-25 INFO an ordinary line of a log, number 12345\n";
    // Around the borders of windows, each secret a little further.
    let mut text = String::new();
    let mut count = 0_u64;
    for n in 0..3_000_usize {
        text.push_str(&filler.repeat(16));
        text.push_str(&filler[..n % filler.len()]);
        text.push_str("\nDB_PASSWORD=swordfish\nx hunter22-known y\n-----BEGIN PRIVATE KEY-----\nMIIE/canary\n-----END PRIVATE KEY-----\n");
        count += 3;
    }
    let (clean, passed) = streamed(&redactor, text.as_bytes());
    assert_eq!(passed.redacted, count);
    assert_eq!(passed.read, text.len() as u64);
    assert_eq!(passed.written, clean.len() as u64);
    assert_eq!(String::from_utf8(clean).unwrap(), redactor.text(&text));
}

#[test]
fn a_stream_without_line_ends_or_without_end_of_a_key_goes_through_too() {
    let redactor = Redactor::default();
    redactor.learn("hunter22-known");
    for text in [
        "=".repeat(3_000_000),
        "@".repeat(1_200_000),
        "eyJ".repeat(800_000),
        "password=".repeat(300_000),
        "hunter22-known".repeat(200_000),
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}",
            "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo\n".repeat(60_000)
        ),
    ] {
        let (clean, passed) = streamed(&redactor, text.as_bytes());
        assert_eq!(passed.read, text.len() as u64);
        assert!(!String::from_utf8_lossy(&clean).contains("hunter22"));
    }
    let (clean, passed) = streamed(&redactor, b"");
    assert_eq!((clean.len(), passed), (0, Passed::default()));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic_and_a_stream_says_the_same(
        text in "(?s)(.|password|[=:\"'\\\\ \n@]|token|eyJh|Authorization: |://|-----BEGIN PRIVATE KEY-----|known-secret|%2F){0,60}"
    ) {
        let redactor = Redactor::default().with_marks(MarkKey::of(b"key")).masking_identity(MarkKey::of(b"key"));
        redactor.learn("known-secret");
        let clean = redactor.text(&text).into_owned();
        proptest::prop_assert!(!clean.contains("known-secret"));
        let (passed, _) = streamed(&redactor, text.as_bytes());
        proptest::prop_assert_eq!(String::from_utf8_lossy(&passed), clean);
    }
}
