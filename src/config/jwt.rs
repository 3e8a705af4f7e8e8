//! The settings of JWTs: one kind of key, and what tokens must say.

use super::raw::Raw;
use crate::auth::claims::ClaimRequirements;
use crate::auth::jwt::Settings;
use crate::auth::keyset::{Format, Secret, Source};
use crate::config::collector::{Problem, ProblemCollector};

/// The settings that name a key.
const KEYS: [&str; 4] = ["JWT_SECRET", "JWT_SECRET_FILE", "JWT_PUBLIC_KEY_FILE", "JWT_JWKS_FILE"];

/// Reads the settings and the keys that they name.
pub(super) fn take(desk: &mut ProblemCollector, raw: &Raw) -> Option<Settings> {
    let file = |format: Format| move |path: &str| Source::File(format, path.into());
    let keys = [
        taken(desk, KEYS[0], &raw.jwt_secret, |text| Source::Secret(Secret::new(text))),
        taken(desk, KEYS[1], &raw.jwt_secret_file, file(Format::Secret)),
        taken(desk, KEYS[2], &raw.jwt_public_key_file, file(Format::Pem)),
        taken(desk, KEYS[3], &raw.jwt_jwks_file, file(Format::Jwks)),
    ];
    let text = |text: &str| Ok((text != "none").then(|| text.to_owned()));
    let issuer = desk.take("JWT_ISSUER", &raw.jwt_issuer, text).flatten();
    let audience = desk.take("JWT_AUDIENCE", &raw.jwt_audience, text).flatten();
    let named: Vec<_> = KEYS.into_iter().zip(&keys).filter_map(|(name, key)| key.as_ref().map(|_| name)).collect();
    if named.len() > 1 {
        let detail = format!("only one key can verify JWTs; set only one of `{}`", named.join("`, `"));
        desk.problems.extend(named.first().map(|first| Problem { setting: (*first).to_owned(), detail }));
    }
    let source = keys.into_iter().flatten().next()?;
    Some(Settings { source, requirements: ClaimRequirements { issuer, audience } })
}

/// Where a key comes from, once it has been read.
fn taken(desk: &mut ProblemCollector, variable: &str, text: &str, source: impl Fn(&str) -> Source) -> Option<Source> {
    let read = |text: &str| match text {
        "none" => Ok(None),
        text => {
            let source = source(text);
            source.read().map(|_| Some(source))
        }
    };
    desk.take(variable, text, read).flatten()
}

/// The settings as `config` shows them: never a secret.
pub(super) fn entries(settings: Option<&Settings>) -> [(&'static str, String); 6] {
    let none = || "none".to_owned();
    let file = |wanted: Format| match settings.map(|settings| &settings.source) {
        Some(Source::File(format, path)) if *format == wanted => path.display().to_string(),
        _ => none(),
    };
    let has_secret = matches!(settings.map(|settings| &settings.source), Some(Source::Secret(_)));
    let requirements = settings.map(|settings| settings.requirements.clone()).unwrap_or_default();
    [
        ("JWT_SECRET", if has_secret { "(hidden)".to_owned() } else { none() }),
        ("JWT_SECRET_FILE", file(Format::Secret)),
        ("JWT_PUBLIC_KEY_FILE", file(Format::Pem)),
        ("JWT_JWKS_FILE", file(Format::Jwks)),
        ("JWT_ISSUER", requirements.issuer.unwrap_or_else(none)),
        ("JWT_AUDIENCE", requirements.audience.unwrap_or_else(none)),
    ]
}
