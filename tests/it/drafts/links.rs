//! The links of one version of all documents.
//!
//! A link is one thing that two documents share, and each end orders it among its own.

use std::collections::BTreeMap;

use super::request::Doc;

#[derive(Debug, Clone, Default)]
pub struct Links(BTreeMap<Doc, Vec<Doc>>);

impl Links {
    /// The documents linked to `doc`, in the order that it sees.
    pub fn of(&self, doc: Doc) -> &[Doc] {
        self.0.get(&doc).map_or(&[], Vec::as_slice)
    }

    /// Makes the links of `doc` those of `list`. A new link stands behind all others at its other end.
    pub fn save(&mut self, doc: Doc, list: Vec<Doc>) {
        for came in self.replace(doc, list) {
            self.0.entry(came).or_default().push(doc);
        }
    }

    /// Makes the links of `doc` those that it has in `version`. At the other ends, links that stay keep their place. One
    /// that comes goes right behind the nearest of those before it in `version` that are here too, or before all.
    pub fn follow(&mut self, doc: Doc, version: &Self) {
        for came in self.replace(doc, version.of(doc).to_vec()) {
            let before: Vec<Doc> = version.of(came).iter().take_while(|other| **other != doc).copied().collect();
            let here = self.0.entry(came).or_default();
            let nearest = before.iter().rev().find_map(|near| here.iter().position(|other| other == near));
            here.insert(nearest.map_or(0, |place| place + 1), doc);
        }
    }

    /// Removes all links of `doc`.
    pub fn forget(&mut self, doc: Doc) {
        self.replace(doc, Vec::new());
    }

    /// Gives `doc` its list and takes it out of the others' where it is no longer linked. Returns what came.
    fn replace(&mut self, doc: Doc, list: Vec<Doc>) -> Vec<Doc> {
        let old = self.0.insert(doc, list.clone()).unwrap_or_default();
        for gone in old.iter().filter(|other| !list.contains(other)) {
            self.0.entry(*gone).or_default().retain(|other| *other != doc);
        }
        list.into_iter().filter(|other| !old.contains(other)).collect()
    }
}
