//! The table at the end.

use crate::client::Measured;

/// One thing that was measured on both servers.
pub struct Line {
    name: String,
    ours: Measured,
    theirs: Measured,
    /// Plain commits of the same rows in a second, where there are rows.
    plain: Option<f64>,
}

impl Line {
    /// The median of several rounds.
    pub fn new(name: &str, ours: Vec<Measured>, theirs: Vec<Measured>, mut plain: Vec<f64>) -> Self {
        plain.sort_by(f64::total_cmp);
        let plain = plain.get(plain.len() / 2).copied();
        Self { name: name.to_owned(), ours: median(ours), theirs: median(theirs), plain }
    }
}

fn median(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    rounds[rounds.len() / 2]
}

/// All of them.
#[derive(Default)]
pub struct Report(Vec<Line>);

impl Report {
    pub fn add(&mut self, line: Line) {
        self.0.push(line);
    }

    pub fn print(&self) {
        println!(
            "\n{:<36} {:>9} {:>8} {:>8} {:>8} | {:>9} {:>8} | {:>7} {:>7} | plain commits/s",
            "", "Tenon/s", "CPU µs", "p50 ms", "p99 ms", "bare/s", "CPU µs", "rate", "CPU"
        );
        for Line { name, ours, theirs, plain } in &self.0 {
            let plain = plain.map_or_else(String::new, |rate| format!("{rate:.0} · {:.0}%", 100.0 * ours.rate / rate));
            println!(
                "{name:<36} {:>9.0} {:>8.1} {:>8.2} {:>8.2} | {:>9.0} {:>8.1} | {:>6.0}% {:>6.1}x | {plain}",
                ours.rate,
                ours.cpu_us,
                ours.p50.as_secs_f64() * 1e3,
                ours.p99.as_secs_f64() * 1e3,
                theirs.rate,
                theirs.cpu_us,
                100.0 * ours.rate / theirs.rate,
                ours.cpu_us / theirs.cpu_us,
            );
        }
        println!();
    }
}
