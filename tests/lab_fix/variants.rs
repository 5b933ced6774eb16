//! The installation in its variants: the customer's own certificate, the root disk, a proxy that needs a login; and back.

use super::{Fixed, fix, machine, no_secret, prepared};
use machine::Machine;

/// All that an installation touches, but for packages, images, the run's own journal, and the copies that useradd(8)
/// and its like keep of what was there before.
const WHOLE_MACHINE: &str = r"
{ find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /usr -o -path '/var/cache/*' \
    -o -path '/etc/*-' -o -path '/var/lib/dpkg/*' -o -path '/var/lib/apt/*' -o -path '/var/log/*' -o -path '/var/lib/docker/*' -o -path '/var/lib/containerd/*' \
    -o -path '/var/lib/sesam-doctor' -o -path '/var/lib/sesam-doctor/*' \) -prune -o -print
  find /srv/data -print; } | sort -u | while IFS= read -r path; do
    stat -c '%n %F %a %u %g' -- $path
    test -L $path && readlink $path
    test ! -f $path || sha256sum $path
done
docker ps -aq
docker network ls --format '{{.Name}}' | sort
";

/// What differs, line by line.
fn difference(before: &str, after: &str) -> Vec<String> {
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let (before, after) = (lines(before), lines(after));
    let gone = before.iter().filter(|line| !after.contains(line));
    let new = after.iter().filter(|line| !before.contains(line));
    gone.map(|line| format!("- {line}"))
        .chain(new.map(|line| format!("+ {line}")))
        .collect()
}

/// A machine with Docker's packages and nothing else: packages stay, so they are no part of what is taken back.
fn with_packages(edition: &str) -> Option<Machine> {
    let machine = prepared(edition)?;
    machine.sh("bare");
    machine.sh("apt-get update -q >/dev/null 2>&1; apt-get install -y -q docker.io docker-compose-v2 >/dev/null 2>&1; systemctl start docker");
    Some(machine)
}

fn expect_well(fixed: &Fixed, but_for: &[&str]) {
    assert_eq!(machine::troubles(&fixed.report), but_for, "{}", fixed.said);
}

#[test]
fn with_ones_own_certificate_on_the_root_disk_and_back_again() {
    let Some(machine) = with_packages("2025") else {
        return;
    };
    // A group of the account's name that was there before outlives the account.
    machine.sh("umount /srv/data; groupadd --gid 1500 sesam");
    machine.sh(
        "cd /root
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 300 -subj /CN=Customer 2>/dev/null
        openssl req -newkey rsa:2048 -nodes -keyout own.key -out own.csr -subj /CN=sesam.company.com 2>/dev/null
        printf 'subjectAltName=DNS:sesam.company.com\nextendedKeyUsage=serverAuth\n' >extensions
        openssl x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile extensions -out own.pem 2>/dev/null
        chmod 600 own.key
        cat ca.pem >>/etc/ssl/certs/ca-certificates.crt
        printf 'certificates = \"own\"\ncertificate_file = \"/root/own.pem\"\ncertificate_key_file = \"/root/own.key\"\ndisk = \"root\"\n' >>answers.toml",
    );
    let before = machine.sh(WHOLE_MACHINE);
    let fixed = fix(&machine, "");
    no_secret(&machine, &fixed);
    expect_well(&fixed, &[]);
    assert_eq!(fixed.code, 0, "{}", fixed.said);
    // The lab's Traefik serves no TLS; what it would serve is in its place and belongs together.
    machine.sh("sesam-doctor check tls.store --offline --profile /etc/lab.toml");
    machine.sh("test -f /sesam/node-00/data/license.key && test ! -L /sesam/node-00/data && test -f /sesam/docker-compose.yml");
    machine.sh("sesam-doctor undo --yes 2>&1");
    let differs = difference(&before, &machine.sh(WHOLE_MACHINE));
    assert!(differs.is_empty(), "{differs:#?}");
}

#[test]
fn behind_a_proxy_that_needs_a_login() {
    let Some(machine) = with_packages("2023") else {
        return;
    };
    // Only the proxy's account gets out to Docker Hub.
    machine.sh(
        "systemd-run -q --unit lab-proxy --uid proxy /usr/share/lab/guest/proxy 3128
        for _ in $(seq 600); do (: </dev/tcp/127.0.0.1/3128) 2>/dev/null && break; sleep 0.05; done
        iptables -I OUTPUT -d 203.0.113.10/31 -m owner ! --uid-owner proxy -j REJECT
        echo HTTPS_PROXY=http://user:swordfish@127.0.0.1:3128 >>/etc/environment
        printf 'http://user:swordfish@127.0.0.1:3128' >/root/proxy; chmod 600 /root/proxy
        printf 'https_proxy_file = \"/root/proxy\"\nno_proxy = \"localhost,127.0.0.1\"\n' >>/root/answers.toml",
    );
    let before = machine.sh(WHOLE_MACHINE);
    let fixed = fix(&machine, "");
    no_secret(&machine, &fixed);
    expect_well(&fixed, &[]);
    assert_eq!(fixed.code, 0, "{}", fixed.said);
    let drop_in = machine.sh(
        "stat -c %a /etc/systemd/system/docker.service.d/*; docker info --format '{{.HTTPSProxy}}'",
    );
    assert!(
        drop_in.contains("600") && drop_in.contains("127.0.0.1:3128"),
        "{drop_in}"
    );
    let second = fix(&machine, "");
    assert!(second.said.contains("nothing to do"), "{}", second.said);
    machine.sh("sesam-doctor undo --yes 2>&1");
    let differs = difference(&before, &machine.sh(WHOLE_MACHINE));
    assert!(differs.is_empty(), "{differs:#?}");
}

#[test]
fn what_an_administrator_does_by_hand_leads_to_the_same_place() {
    let Some(machine) = prepared("2025") else {
        return;
    };
    machine.sh("bare");
    machine.sh("sesam-doctor check SCOPE --profile /etc/lab.toml --timeout 10 --fix --dry-run --answers /root/answers.toml --script /root/by-hand.sh >/dev/null 2>&1 || test $? -eq 2".replace("SCOPE", super::SCOPE).as_str());
    // The password is asked for on a terminal, which nobody is at here; everything else is done as it stands there.
    machine.sh("sed -i 's/ # asks for the password$/ --password-stdin <\\/root\\/registry-password/' /root/by-hand.sh
        grep -q password-stdin /root/by-hand.sh");
    let by_hand = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh /root/by-hand.sh 2>&1";
    println!("{}", machine.sh(by_hand));
    machine.sh("wait-until is sesam-node '{{.State.Health.Status}}' healthy");
    let after = fix(&machine, "");
    expect_well(&after, &[]);
    assert!(after.said.contains("nothing to do"), "{}", after.said);
}
