//! The levels of a stock, and the triggers of crossing them.
//!
//! A stock is low at its threshold and below. The threshold is the listening record's own, so one movement may be a
//! crossing for one record and none for another. A stock that is not tracked, before or after, crosses nothing.

/// A stock fell to its threshold or below.
pub const LOW: &str = "trigger:inventory_low";
/// A stock ran out.
pub const ZERO: &str = "trigger:inventory_zero";
/// A stock rose above its threshold.
pub const RESTOCKED: &str = "trigger:inventory_restocked";

/// The threshold of a record that names none.
pub const DEFAULT_THRESHOLD: i64 = 5;

/// A tracked stock that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// What was there.
    pub from: i64,
    /// What is there now.
    pub to: i64,
}

/// What a stock counts; `None` for one that is not tracked, which is stored as null or -1.
pub fn tracked(stock: Option<i64>) -> Option<i64> {
    stock.filter(|stock| *stock >= 0)
}

impl Movement {
    /// From one stored value to another; `None` when nothing moved, or when it was or is not tracked.
    pub fn of(from: Option<i64>, to: Option<i64>) -> Option<Self> {
        let (from, to) = (tracked(from)?, tracked(to)?);
        (from != to).then_some(Self { from, to })
    }

    /// Whether it ran out.
    pub fn ran_out(self) -> bool {
        self.from > 0 && self.to == 0
    }

    /// Whether it is what `trigger`, [`LOW`] or [`RESTOCKED`], tells of, for a record with this threshold.
    pub fn crosses(self, trigger: &str, threshold: i64) -> bool {
        match trigger {
            LOW => self.from > threshold && self.to <= threshold,
            RESTOCKED => self.from <= threshold && self.to > threshold,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_crossed_once_on_the_way_down_and_once_on_the_way_up() {
        let down: Vec<_> = (0..10).rev().map(|to| Movement { from: to + 1, to }).collect();
        let at = |moved: &[Movement], trigger| -> Vec<i64> {
            moved.iter().filter(|moved| moved.crosses(trigger, 5)).map(|moved| moved.to).collect()
        };
        assert_eq!(at(&down, LOW), [5]);
        assert_eq!(at(&down, RESTOCKED), [0; 0]);
        let up: Vec<_> = down.iter().map(|moved| Movement { from: moved.to, to: moved.from }).collect();
        assert_eq!(at(&up, RESTOCKED), [6]);
        assert_eq!(down.iter().filter(|moved| moved.ran_out()).count(), 1);
    }

    #[test]
    fn what_is_not_tracked_does_not_move() {
        for (from, to) in
            [(None, Some(3)), (Some(9), None), (Some(-1), Some(0)), (Some(9), Some(-1)), (Some(4), Some(4))]
        {
            assert_eq!(Movement::of(from, to), None, "{from:?} to {to:?}");
        }
        assert_eq!(Movement::of(Some(9), Some(0)), Some(Movement { from: 9, to: 0 }));
    }
}
