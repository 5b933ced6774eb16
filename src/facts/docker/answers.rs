//! The engine's answers, as far as anything is made of them. Every member can be missing or null: engines from API 1.24 on
//! are asked, and Go writes `null` for an empty list.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// Missing, null, or of a type that no engine sends: as if nothing had been said.
fn lenient<'de, D: Deserializer<'de>, T: Default + serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

macro_rules! answer {
    ($(#[$meta:meta])* $name:ident { $($member:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, rename_all = "PascalCase")]
        pub(in crate::facts) struct $name {
            $(#[serde(deserialize_with = "lenient")] pub(super) $member: $type,)*
        }
    };
}

/// `GET /version`; here the types are strict, since this answer shows whether it is the engine's API at all.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::facts) struct VersionAnswer {
    pub(super) version: String,
    pub(super) api_version: String,
    #[serde(default, rename = "MinAPIVersion")]
    pub(super) min_api_version: Option<String>,
    #[serde(default)]
    pub(super) components: Option<Vec<ComponentAnswer>>,
}

answer!(ComponentAnswer { name: String });

answer! {
    /// `GET /info`
    InformationAnswer {
        driver: String,
        docker_root_dir: String,
        logging_driver: String,
        cgroup_driver: String,
        cgroup_version: String,
        live_restore_enabled: bool,
        http_proxy: String,
        https_proxy: String,
        no_proxy: String,
        operating_system: String,
        warnings: Vec<String>,
        index_server_address: String,
    }
}

answer! {
    /// One of `GET /containers/json`
    SummaryAnswer {
        id: String,
        names: Vec<String>,
        image: String,
        state: String,
        labels: BTreeMap<String, String>,
    }
}

answer! {
    /// `GET /containers/ID/json`
    ContainerAnswer {
        created: String,
        path: String,
        args: Vec<String>,
        image: String,
        restart_count: u64,
        state: StateAnswer,
        host_config: HostAnswer,
        config: ConfigAnswer,
        mounts: Vec<MountAnswer>,
        network_settings: NetworksAnswer,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(in crate::facts) struct StateAnswer {
    #[serde(deserialize_with = "lenient")]
    pub(super) status: String,
    #[serde(rename = "OOMKilled", deserialize_with = "lenient")]
    pub(super) oom_killed: bool,
    #[serde(deserialize_with = "lenient")]
    pub(super) exit_code: i64,
    #[serde(deserialize_with = "lenient")]
    pub(super) error: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) started_at: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) finished_at: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) health: Option<HealthAnswer>,
}

answer!(HealthAnswer { status: String, failing_streak: u64, log: Vec<ProbeAnswer>, });
answer!(ProbeAnswer {
    exit_code: i64,
    output: String,
});
answer!(HostAnswer {
    restart_policy: RestartAnswer,
    network_mode: String,
    port_bindings: BTreeMap<String, Option<Vec<BindingAnswer>>>,
    log_config: LogAnswer,
    memory: u64,
    privileged: bool,
});
answer!(RestartAnswer { name: String });
answer!(BindingAnswer {
    host_ip: String,
    host_port: String,
});
answer!(LogAnswer { r#type: String, config: BTreeMap<String, String>, });
answer!(ConfigAnswer {
    image: String,
    user: String,
    env: Vec<String>,
    cmd: Vec<String>,
    entrypoint: Vec<String>,
    labels: BTreeMap<String, String>,
    tty: bool,
});

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(in crate::facts) struct MountAnswer {
    #[serde(deserialize_with = "lenient")]
    pub(super) r#type: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) source: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) destination: String,
    #[serde(rename = "RW", deserialize_with = "lenient")]
    pub(super) writable: bool,
}

answer!(NetworksAnswer { networks: BTreeMap<String, EndpointAnswer>, });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::facts) struct EndpointAnswer {
    #[serde(rename = "IPAddress", deserialize_with = "lenient")]
    pub(super) address: String,
}

answer! {
    /// One of `GET /networks`
    NetworkAnswer { name: String, driver: String, }
}

answer! {
    /// `GET /volumes`
    VolumesAnswer { volumes: Vec<VolumeAnswer>, }
}
answer!(VolumeAnswer { name: String });

/// One of `GET /images/json`
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(in crate::facts) struct ImageAnswer {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) repo_tags: Vec<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) repo_digests: Vec<String>,
    /// Seconds since 1970.
    #[serde(deserialize_with = "lenient")]
    pub(super) created: i64,
}
