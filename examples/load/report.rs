//! The table at the end.

use crate::client::Measured;

/// One thing that was measured on both servers.
pub struct Line {
    name: String,
    ours: Measured,
    theirs: Measured,
}

impl Line {
    /// The median of several rounds.
    pub fn new(name: &str, ours: Vec<Measured>, theirs: Vec<Measured>) -> Self {
        Self { name: name.to_owned(), ours: median(ours), theirs: median(theirs) }
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
            "\n{:<36} {:>9} {:>8} {:>8} {:>8} | {:>9} {:>8} | {:>7} {:>7}",
            "", "Tenon/s", "CPU µs", "p50 ms", "p99 ms", "bare/s", "CPU µs", "rate", "CPU"
        );
        for Line { name, ours, theirs } in &self.0 {
            println!(
                "{name:<36} {:>9.0} {:>8.1} {:>8.2} {:>8.2} | {:>9.0} {:>8.1} | {:>6.0}% {:>6.1}x",
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
