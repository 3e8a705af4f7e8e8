//! All metrics and labels in `deploy/alerts.yml` and `deploy/grafana-dashboard.json` exist in a real scrape.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use user_relationships::http::routes::{FORMS, OPEN, TABLE};
use user_relationships::store::url::DatabaseUrl;

use crate::both;
use crate::metrics::busy;
use crate::support::process::{PATIENCE, until};
use crate::support::scrape::{Scrape, scrape};
use crate::support::{App, Value};

/// Keywords and functions of `PromQL`.
const WORDS: [&str; 17] = [
    "time",
    "sum",
    "by",
    "rate",
    "histogram_quantile",
    "topk",
    "count",
    "min_over_time",
    "increase",
    "max",
    "min",
    "avg",
    "and",
    "or",
    "unless",
    "on",
    "without",
];
/// Labels that Prometheus adds to every sample.
const TARGETS: [&str; 2] = ["job", "instance"];

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Every expression, with the name of its alert or panel.
fn expressions() -> Vec<(String, String)> {
    let alerts: Value = serde_saphyr::from_str(&read("deploy/alerts.yml")).expect("YAML");
    let mut all = Vec::new();
    let mut names = BTreeSet::new();
    for rule in list(&alerts["groups"]).iter().flat_map(|group| list(&group["rules"])) {
        let name = rule["alert"].as_str().expect("a name");
        assert!(names.insert(name.to_owned()), "duplicate alert {name}");
        assert!(
            ["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap_or_default()),
            "{name}"
        );
        for word in ["summary", "description"] {
            assert!(rule["annotations"][word].as_str().is_some_and(|text| !text.is_empty()), "{name}: {word}");
        }
        let runbook = rule["annotations"]["runbook"].as_str().unwrap_or_default();
        assert_eq!(runbook, format!("docs/OPERATIONS.md#{}", name.to_lowercase()), "{name}");
        all.push((name.to_owned(), rule["expr"].as_str().expect("an expression").to_owned()));
    }
    assert!(all.len() > 5);
    let board: Value = serde_json::from_str(&read("deploy/grafana-dashboard.json")).expect("JSON");
    let mut ids = BTreeSet::new();
    for panel in list(&board["panels"]) {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_i64()), "{title}: duplicate id");
        for target in list(&panel["targets"]) {
            all.push((title.to_owned(), target["expr"].as_str().expect("an expression").to_owned()));
        }
    }
    assert!(ids.len() > 10);
    all
}

/// The metrics of an expression, each with its label matchers, and the labels in grouping clauses.
fn parse(expression: &str) -> (Vec<(String, String)>, BTreeSet<String>) {
    let groups = Regex::new(r"\b(?:by|on|without)\s*\(([^)]*)\)").expect("a pattern");
    let name = Regex::new(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{[^}]*\})?").expect("a pattern");
    let grouped = groups
        .captures_iter(expression)
        .flat_map(|found| found[1].split(',').map(|label| label.trim().to_owned()).collect::<Vec<_>>());
    let grouped = grouped.filter(|label| !label.is_empty()).collect();
    let bare = Regex::new(r"\[[^\]]*\]").expect("a pattern").replace_all(expression, "");
    let bare = groups.replace_all(&bare, "");
    let names = name.captures_iter(&bare).filter(|found| !WORDS.contains(&&found[1]));
    let names = names.map(|found| (found[1].to_owned(), found.get(2).map_or("", |it| it.as_str()).to_owned()));
    (names.collect(), grouped)
}

/// The labels of a metric in Prometheus, which renames the label `job` of the service to `exported_job`.
fn labels(found: &Scrape, metric: &str) -> BTreeSet<String> {
    let own = found.labels(found.family(metric)).into_iter().map(|label| match label {
        "job" => "exported_job".to_owned(),
        label => label.to_owned(),
    });
    own.chain(TARGETS.map(str::to_owned)).chain(["le".to_owned()]).collect()
}

fn check(app: &App) {
    let found = busy(app);
    let samples: BTreeSet<_> = found.samples.iter().map(|(name, ..)| name.as_str()).collect();
    let matcher = Regex::new(r#"([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)""#).expect("a pattern");
    let routes: Vec<_> = TABLE.iter().chain(FORMS).map(|(path, _)| *path).chain(OPEN.iter().copied()).collect();
    let mut used = BTreeSet::new();
    let has_replica = app.config.database_read_url.is_some();
    for (place, expression) in expressions() {
        if expression.contains("store_replica_") && !has_replica {
            continue;
        }
        let (metrics, grouped) = parse(&expression);
        assert!(!metrics.is_empty(), "{place}: {expression}");
        let mut known = BTreeSet::new();
        for (metric, matchers) in metrics {
            if metric == "up" {
                continue;
            }
            assert!(samples.contains(metric.as_str()), "{place}: the scrape has no `{metric}`");
            used.insert(found.family(&metric).to_owned());
            let labels = labels(&found, &metric);
            for matched in matcher.captures_iter(&matchers) {
                assert!(labels.contains(&matched[1]), "{place}: `{metric}` has no label `{}`", &matched[1]);
                let is_valid = || {
                    routes.contains(&&matched[3])
                        || (&matched[2] == "=~" && !Regex::new(&matched[3]).unwrap().as_str().is_empty())
                };
                assert!(&matched[1] != "route" || is_valid(), "{place}: there is no route `{}`", &matched[3]);
            }
            known.extend(labels);
        }
        assert!(grouped.is_subset(&known), "{place}: {grouped:?} is not in {known:?}");
    }
    let unused: Vec<_> =
        found.kinds.keys().filter(|name| !used.contains(*name) && !name.starts_with("process_")).collect();
    assert!(unused.is_empty(), "no alert or panel uses {unused:?}");
}

#[test]
fn the_runbook_describes_exactly_the_alerts() {
    let text = read("docs/OPERATIONS.md");
    let runbook = text.split("\n## Alerts\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let described: BTreeSet<_> = runbook.split("\n### ").skip(1).filter_map(|part| part.split_once('\n')).collect();
    for (name, words) in &described {
        assert!(words.trim().len() > 120, "the description of {name} is too short");
    }
    let alerts = read("deploy/alerts.yml");
    let named: BTreeSet<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(described.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), named);
}

both!(
    alerts_and_dashboard_use_existing_metrics_and_labels,
    |config| {
        // The database itself serves as its replica.
        if let DatabaseUrl::Postgres(url) = &config.database_url {
            config.database_read_url = Some(url.clone());
        }
    },
    |app| {
        if app.config.database_read_url.is_some() {
            until("the lag is known", PATIENCE, || {
                scrape(&app.anonymous()).kinds.contains_key("store_replica_lag_seconds")
            });
        }
        check(app);
    }
);
