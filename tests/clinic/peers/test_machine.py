"""What the doctor checks, as far as pytest-testinfra can say it."""
import pytest


def test_data_mount(host):
    assert host.mount_point("/srv/data").exists


def test_data_dir(host):
    data = host.file("/srv/data/sesam/node-00/data")
    assert data.is_directory and data.uid == 1001


def test_data_link(host):
    assert host.file("/sesam/node-00/data").linked_to == "/srv/data/sesam/node-00/data"


def test_agent_dir(host):
    assert host.file("/etc/sesam-agent").is_directory


def test_store(host):
    assert host.file("/srv/data/traefik/letsencrypt/acme.json").mode == 0o600


def test_license(host):
    license = host.file("/srv/data/sesam/node-00/data/license.key")
    assert license.contains("BEGIN SESAM LICENSE") and license.contains("END SESAM LICENSE")


def test_compose_file(host):
    assert host.file("/srv/data/docker-compose.yml").contains("enforce-license")


def test_environment(host):
    assert host.file("/srv/data/.env").contains("^APPLIANCE_ID=[0-9a-f-]*$")


def test_system(host):
    assert host.system_info.distribution == "ubuntu" and float(host.system_info.release) >= 18.04


def test_disk(host):
    used = int(host.check_output("df --output=pcent /srv/data | tail -n 1").strip().rstrip("%"))
    assert used < 85


def test_docker(host):
    assert host.service("docker").is_running


@pytest.mark.parametrize("name", ["watchtower", "traefik", "sesam-node", "fluentbit"])
def test_container(host, name):
    assert host.docker(name).is_running


@pytest.mark.parametrize("port", [80, 443])
def test_port(host, port):
    assert host.run(f"curl -sk --max-time 4 -o /dev/null telnet://127.0.0.1:{port} </dev/null").rc != 7


def test_node_name(host):
    assert "10.99.0.2" in host.addr("sesam.company.com").ipv4_addresses


@pytest.mark.parametrize("name", ["portal.sesam.io", "registry-1.docker.io", "acme-v02.api.letsencrypt.org", "index.pypi.example"])
def test_outbound(host, name):
    assert host.run(f"curl -s --max-time 4 -o /dev/null https://{name}/").rc == 0


def test_node_health(host):
    answer = host.check_output("curl -sk --max-time 4 -o /dev/null -w '%{http_code}' https://sesam.company.com/api/health")
    assert answer == "200"
