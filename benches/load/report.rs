//! The table of figures.

use std::fmt::Write as _;

/// The target of a figure.
#[derive(Clone, Copy)]
pub enum Target {
    /// A minimum.
    Least(f64),
    /// A maximum.
    Most(f64),
    /// None: the figure is informative.
    None,
}

/// One line of the table.
struct Line {
    what: String,
    figures: Vec<f64>,
    unit: &'static str,
    target: Target,
    detail: String,
}

/// All lines so far.
#[derive(Default)]
pub struct Report(Vec<Line>);

impl Report {
    /// Adds a line and prints it immediately, to show the progress of a long run.
    pub fn add(&mut self, what: &str, figures: &[f64], unit: &'static str, target: Target, detail: String) {
        let line = Line { what: what.to_owned(), figures: figures.to_vec(), unit, target, detail };
        println!("{}", line.text());
        self.0.push(line);
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for line in &self.0 {
            writeln!(text, "{}", line.text()).expect("room in memory");
        }
        text
    }
}

/// The head of the table.
pub const HEAD: &str = "| what | median | least, most | target | met | figures |\n|---|---|---|---|---|---|";

impl Line {
    fn text(&self) -> String {
        let Self { what, unit, detail, .. } = self;
        let median = median(&self.figures);
        let (least, most) = self.figures.iter().fold((f64::MAX, f64::MIN), |(a, b), it| (a.min(*it), b.max(*it)));
        let word = |is_met| if is_met { "yes" } else { "**no**" };
        let (target, met) = match self.target {
            Target::Least(least) => (format!("≥ {least}{unit}"), word(median >= least)),
            Target::Most(most) => (format!("≤ {most}{unit}"), word(median <= most)),
            Target::None => (String::new(), ""),
        };
        let (median, least, most) = (short(median), short(least), short(most));
        format!("| {what} | {median}{unit} | {least}, {most} | {target} | {met} | {detail} |")
    }
}

fn short(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

/// The median.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A percentile of latencies, in milliseconds.
pub fn percentile(latencies: &mut [u32], part: usize) -> f64 {
    latencies.sort_unstable();
    latencies.get((latencies.len().max(1) - 1) * part / 100).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
}
