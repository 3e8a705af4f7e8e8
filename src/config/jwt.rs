//! The settings of JWT verification: one source of keys, required claims, and the claim that names the user.

use super::raw::RawSettings;
use crate::auth::claims::ClaimRequirements;
use crate::auth::jwt::JwtSettings;
use crate::auth::keyset::{KeyFormat, KeySource, Secret};
use crate::config::collector::{ProblemCollector, SettingProblem};
use crate::model::text::excerpt;

/// The settings that name a key.
const KEYS: [&str; 4] = ["JWT_SECRET", "JWT_SECRET_FILE", "JWT_PUBLIC_KEY_FILE", "JWT_JWKS_FILE"];

/// Reads the settings and the keys that they name. Without a key no JWT is accepted, whatever the requirements.
pub(super) fn take(collector: &mut ProblemCollector, raw: &RawSettings) -> (Option<JwtSettings>, ClaimRequirements) {
    let requirements = take_requirements(collector, raw);
    let source = take_source(collector, raw);
    (source.map(|source| JwtSettings { source, requirements: requirements.clone() }), requirements)
}

fn take_requirements(collector: &mut ProblemCollector, raw: &RawSettings) -> ClaimRequirements {
    let issuer = |text: &str| Ok((text != "none").then(|| text.to_owned()));
    ClaimRequirements {
        issuer: collector.take("JWT_ISSUER", &raw.jwt_issuer, issuer).flatten(),
        audiences: collector.take("JWT_AUDIENCE", &raw.jwt_audience, parse_audiences).unwrap_or_default(),
        user: collector.take("JWT_USER", &raw.jwt_user, str::parse).unwrap_or_default(),
    }
}

fn take_source(collector: &mut ProblemCollector, raw: &RawSettings) -> Option<KeySource> {
    let file = |format: KeyFormat| move |path: &str| KeySource::File(format, path.into());
    let sources = [
        take_key(collector, KEYS[0], &raw.jwt_secret, |text| KeySource::Secret(Secret::new(text))),
        take_key(collector, KEYS[1], &raw.jwt_secret_file, file(KeyFormat::Secret)),
        take_key(collector, KEYS[2], &raw.jwt_public_key_file, file(KeyFormat::Pem)),
        take_key(collector, KEYS[3], &raw.jwt_jwks_file, file(KeyFormat::Jwks)),
    ];
    let given: Vec<_> = KEYS.into_iter().zip(&sources).filter_map(|(name, key)| key.as_ref().map(|_| name)).collect();
    if given.len() > 1 {
        let detail = format!("only one key can verify JWTs; set only one of `{}`", given.join("`, `"));
        collector.problems.extend(given.first().map(|first| SettingProblem { setting: (*first).to_owned(), detail }));
    }
    sources.into_iter().flatten().next()
}

/// A comma-separated list, or `none`.
fn parse_audiences(text: &str) -> Result<Vec<String>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let all: Vec<_> = text.split(',').map(|one| one.trim().to_owned()).collect();
    if all.iter().any(String::is_empty) {
        return Err(format!("`{}` has an empty entry; write a comma-separated list of audiences", excerpt(text)));
    }
    Ok(all)
}

/// The source of a key; `None` if the setting is `none` or the key is unreadable.
fn take_key(
    collector: &mut ProblemCollector,
    variable: &str,
    text: &str,
    source: impl Fn(&str) -> KeySource,
) -> Option<KeySource> {
    let read = |text: &str| match text {
        "none" => Ok(None),
        text => {
            let source = source(text);
            source.read().map(|_| Some(source))
        }
    };
    collector.take(variable, text, read).flatten()
}

/// The settings as `config` shows them, without secrets.
pub(super) fn entries(settings: Option<&JwtSettings>, requirements: &ClaimRequirements) -> [(&'static str, String); 7] {
    let none = || "none".to_owned();
    let source = settings.map(|settings| &settings.source);
    let file = |wanted: KeyFormat| match source {
        Some(KeySource::File(format, path)) if *format == wanted => path.display().to_string(),
        _ => none(),
    };
    let has_secret = matches!(source, Some(KeySource::Secret(_)));
    let ClaimRequirements { issuer, audiences, user } = requirements;
    [
        ("JWT_SECRET", if has_secret { "(hidden)".to_owned() } else { none() }),
        ("JWT_SECRET_FILE", file(KeyFormat::Secret)),
        ("JWT_PUBLIC_KEY_FILE", file(KeyFormat::Pem)),
        ("JWT_JWKS_FILE", file(KeyFormat::Jwks)),
        ("JWT_ISSUER", issuer.clone().unwrap_or_else(none)),
        ("JWT_AUDIENCE", if audiences.is_empty() { none() } else { audiences.join(",") }),
        ("JWT_USER", user.to_string()),
    ]
}
