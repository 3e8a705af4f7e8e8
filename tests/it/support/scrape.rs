//! An independent parser for `/metrics`: the text format of Prometheus, version 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

use super::Client;

/// The result of a scrape.
#[derive(Debug)]
pub struct Scrape {
    /// Every sample: its name, its labels, its value.
    pub samples: Vec<(String, BTreeMap<String, String>, f64)>,
    /// The type of every family.
    pub kinds: BTreeMap<String, String>,
}

/// Scrapes a service; every line must conform to the format.
#[track_caller]
pub fn scrape(client: &Client) -> Scrape {
    let answer = client.get("/metrics").expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    Scrape::read(&answer.text)
}

impl Scrape {
    /// Parses the text.
    #[track_caller]
    pub fn read(text: &str) -> Self {
        let (mut samples, mut kinds) = (Vec::new(), BTreeMap::new());
        let mut helped = BTreeSet::new();
        for line in text.lines() {
            if let Some(about) = line.strip_prefix("# HELP ") {
                let (name, help) = about.split_once(' ').unwrap_or_else(|| panic!("no help in {line}"));
                assert!(help.len() > 5 && helped.insert(name.to_owned()), "{line}");
            } else if let Some(about) = line.strip_prefix("# TYPE ") {
                let (name, kind) = about.split_once(' ').unwrap_or_else(|| panic!("no type in {line}"));
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            } else {
                samples.push(sample(line));
            }
        }
        Self { samples, kinds }
    }

    /// The sum of all samples of that name that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |found: &BTreeMap<String, String>| {
            labels.iter().all(|(name, value)| found.get(*name).map(String::as_str) == Some(*value))
        };
        let fitting = self.samples.iter().filter(|(found, theirs, _)| found == name && has(theirs));
        fitting.map(|(_, _, value)| value).sum()
    }

    /// The same for counters of events, which are integers.
    #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> i64 {
        let sum = self.sum(name, labels);
        assert!(sum.fract().abs() < f64::EPSILON, "{name}: {sum}");
        sum as i64
    }

    /// The names of a family's labels, without `le` of histograms.
    pub fn labels(&self, family: &str) -> BTreeSet<&str> {
        let fitting = self.samples.iter().filter(|(name, ..)| self.family(name) == family);
        let names = fitting.flat_map(|(_, labels, _)| labels.keys().map(String::as_str));
        names.filter(|name| *name != "le").collect()
    }

    /// The family of a sample.
    pub fn family<'s>(&self, name: &'s str) -> &'s str {
        let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|end| name.strip_suffix(end));
        let mut histograms = parts.filter(|name| self.kinds.get(*name).map(String::as_str) == Some("histogram"));
        histograms.next().unwrap_or(name)
    }

    /// All values of a label.
    pub fn values(&self, label: &str) -> BTreeSet<&str> {
        self.samples.iter().filter_map(|(_, labels, _)| labels.get(label).map(String::as_str)).collect()
    }
}

/// `name{label="value",…} number`
#[track_caller]
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (left, number) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
    let number = number.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let Some((name, labels)) = left.split_once('{') else { return (left.to_owned(), BTreeMap::new(), number) };
    let inside = labels.strip_suffix('}').unwrap_or_else(|| panic!("no labels: {line}"));
    let labels = inside.split("\",").map(|pair| {
        let (label, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect(), number)
}
