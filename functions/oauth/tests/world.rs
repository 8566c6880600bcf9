//! A provider, a client of it, and a clock that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use functions_shared::Clock;
use http_guard::{AllowedHosts, Guard, Limits, Network};
use oauth::{Grant, Issuer, OAuth};
use stand_ins::StandIns;
use stand_ins::oauth::{PASSWORD, USERNAME};

/// Where the provider is.
pub const HOST: &str = "birdsfoot.cps.golf";
pub const TOKEN_URL: &str = "https://birdsfoot.cps.golf/identityapi/connect/token";

const LIMITS: Limits = Limits { bytes: 1 << 20, time: Duration::from_secs(5), redirects: 2 };

pub struct World {
    pub stand_ins: StandIns,
    pub oauth: OAuth,
    pub guard: Guard,
    seconds: Arc<AtomicU64>,
}

impl World {
    pub async fn new() -> Self {
        let stand_ins = StandIns::start().await.expect("stand-ins");
        let variables = stand_ins.variables();
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let network = Network::from_variables(variable).expect("a network");
        let guard = Guard::new(network, AllowedHosts::listed(HOST).expect("hosts"), LIMITS);
        let seconds = Arc::new(AtomicU64::new(0));
        let passed = Arc::clone(&seconds);
        let start = SystemTime::now();
        let clock = Clock::from_fn(move || start + Duration::from_secs(passed.load(Ordering::SeqCst)));
        Self { oauth: OAuth::new(guard.clone(), clock), stand_ins, guard, seconds }
    }

    /// So many seconds pass.
    pub fn pass(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The provider itself.
    pub fn provider(&self) -> &stand_ins::oauth::OAuth {
        self.stand_ins.golf().oauth()
    }

    /// How often a service was asked.
    pub fn asked(&self, service: &str) -> usize {
        self.stand_ins.record().of(service).len()
    }
}

pub fn password() -> Grant {
    Grant::Password {
        username: USERNAME.into(),
        password: PASSWORD.into(),
        client_id: Some("js1".into()),
        client_secret: None,
        scope: Some("onlinereservation".to_owned()),
    }
}

pub fn issuer() -> Issuer {
    Issuer {
        jwks_url: format!("https://{HOST}/identityapi/.well-known/openid-configuration/jwks"),
        name: format!("https://{HOST}/identityapi"),
        audience: "onlinereservation".to_owned(),
        must_name_key: true,
    }
}
