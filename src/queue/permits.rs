//! Who may have another attempt under way in this process: so that no receiver that hangs, and no store that has much to
//! do, takes what the others need.

use std::collections::HashMap;

use crate::db::runs::{Due, NewRun};

/// What is under way, and what may be.
#[derive(Debug, Clone, Default)]
pub struct Permits {
    free: usize,
    per_destination: usize,
    destinations: HashMap<String, usize>,
    stores: HashMap<String, usize>,
}

impl Permits {
    /// Room for `most` attempts, of which at most `per_destination` go to one destination.
    pub fn new(most: usize, per_destination: usize) -> Self {
        Self { free: most, per_destination, ..Self::default() }
    }

    /// How many more attempts there is room for.
    pub fn free(&self) -> usize {
        self.free
    }

    /// How many attempts at most go to one destination.
    pub fn per_destination(&self) -> usize {
        self.per_destination
    }

    /// Whether there is room for an attempt to this destination for this store. Neither may have more under way than are
    /// left for all others: the first takes half of the room at most, the next half of what is left. But each may have
    /// one as long as there is any.
    pub fn would_allow(&self, destination: &str, store: &str) -> bool {
        let count = |counts: &HashMap<String, usize>, name| counts.get(name).copied().unwrap_or(0);
        let leaves_enough = |under_way: usize| under_way == 0 || under_way < self.free;
        let to_destination = count(&self.destinations, destination);
        self.free > 0
            && to_destination < self.per_destination
            && leaves_enough(to_destination)
            && leaves_enough(count(&self.stores, store))
    }

    /// Whether there is room for an attempt of this run.
    pub fn would_allow_run(&self, run: &NewRun) -> bool {
        self.would_allow(&run.destination, run.store.as_deref().unwrap_or_default())
    }

    /// Notes an attempt, for which there may be room or not.
    pub fn add(&mut self, destination: &str, store: &str) {
        self.free = self.free.saturating_sub(1);
        *self.destinations.entry(destination.to_owned()).or_default() += 1;
        *self.stores.entry(store.to_owned()).or_default() += 1;
    }

    /// Chooses among `due` as many as there is room for: the stores take turns, each with the run that is due longest.
    /// Returns their rows.
    pub fn select_fair(&mut self, due: &[Due]) -> Vec<i64> {
        let mut stores: Vec<(&str, Vec<&Due>)> = Vec::new();
        let mut place_of: HashMap<&str, usize> = HashMap::new();
        for run in due {
            let place = *place_of.entry(&run.store).or_insert(stores.len());
            if place == stores.len() {
                stores.push((&run.store, Vec::new()));
            }
            stores[place].1.push(run);
        }
        let mut waiting: Vec<_> = stores.into_iter().map(|(_, runs)| runs.into_iter()).collect();
        let mut chosen = Vec::new();
        while !waiting.is_empty() && self.free > 0 {
            waiting.retain_mut(|runs| {
                let next = runs.find(|run| self.would_allow(&run.destination, &run.store));
                if let Some(run) = next {
                    self.add(&run.destination, &run.store);
                    chosen.push(run.id);
                }
                next.is_some()
            });
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(id: i64, destination: &str, store: &str) -> Due {
        Due { id, destination: destination.into(), store: store.into() }
    }

    #[test]
    fn stores_take_turns() {
        let mut runs: Vec<_> = (0..100).map(|id| due(id, &format!("d{id}"), "large")).collect();
        runs.extend([due(100, "x", "small"), due(101, "y", "small"), due(102, "z", "tiny")]);
        assert_eq!(Permits::new(64, 8).select_fair(&runs)[..6], [0, 100, 102, 1, 101, 2]);
    }

    #[test]
    fn nobody_takes_more_than_is_left_for_the_others() {
        let mut permits = Permits::new(64, 100);
        let of = |store: &str| -> Vec<_> { (0..100).map(|id| due(id, &format!("{store}{id}"), store)).collect() };
        assert_eq!(["a", "b", "c", "d"].map(|store| permits.select_fair(&of(store)).len()), [32, 16, 8, 4]);
        assert_eq!(["e", "f", "g", "h"].map(|store| permits.select_fair(&of(store)).len()), [2, 1, 1, 0]);
        assert_eq!(Permits::new(1, 1).select_fair(&of("a")).len(), 1, "there is always room for the first");
    }

    #[test]
    fn a_destination_has_a_cap() {
        let runs: Vec<_> = (0..100).map(|id| due(id, "host", &format!("store {id}"))).collect();
        let mut permits = Permits::new(256, 32);
        assert_eq!(permits.select_fair(&runs).len(), 32);
        assert!(!permits.would_allow("host", "new") && permits.would_allow("other", "new"));
        assert_eq!(Permits::new(16, 32).select_fair(&runs).len(), 8, "half of what there is, if that is less");
    }
}
