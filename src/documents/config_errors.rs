//! Extension records that come with a document and will not run as they are: stored all the same, since content is never
//! lost, and warned of.

use std::collections::HashMap;

use super::review::Review;
use crate::content::{Field, Input, Item, Kind};
use crate::db::Conn;
use crate::db::documents::{self as rows, Parent};
use crate::db::events::Owner;
use crate::db::extensions::{self, CandidateWithSetup};
use crate::error::Result;
use crate::query::Warning;
use crate::state::AppState;

/// Where the lists of records stand in what a body brings.
#[derive(Debug, Default)]
pub(super) struct Sent(Vec<(&'static Field, Held)>);

#[derive(Debug)]
enum Held {
    /// The list is one of records.
    Records,
    /// Items that hold lists themselves.
    Items(Vec<Sent>),
}

impl Sent {
    /// The lists of records in `input`.
    pub(super) fn of(input: &Input) -> Self {
        let of_list = |(field, items): &(&'static Field, Vec<Item>)| match field.kind {
            Kind::Component { of, .. } if of.is_records() => Some((*field, Held::Records)),
            _ => {
                let items: Vec<Self> = items.iter().map(|item| Self::of(&item.input)).collect();
                items.iter().any(|item| !item.0.is_empty()).then_some((*field, Held::Items(items)))
            }
        };
        Self(input.items.iter().filter_map(of_list).collect())
    }

    /// Warnings for the records of these lists as they are stored now, below this version. Where each stands is told by its
    /// path in the body.
    pub(super) fn review(&self, conn: &mut Conn, state: &AppState, version: Parent) -> Result<Vec<Warning>> {
        let mut lists = Vec::new();
        self.find_lists(conn, version, &mut Vec::new(), &mut lists)?;
        if lists.is_empty() {
            return Ok(Vec::new());
        }
        let owners = lists.iter().map(|(_, owner)| owner.clone()).collect();
        let mut by_owner: HashMap<Owner, Vec<CandidateWithSetup>> = HashMap::new();
        for candidate in extensions::find_candidates_with_setup(conn, owners)? {
            if candidate.candidate.removed_at.is_none() {
                by_owner.entry(candidate.owner.clone()).or_default().push(candidate);
            }
        }
        let of_list = |(path, owner): (Vec<String>, Owner)| {
            let records = by_owner.get(&owner).map_or(&[][..], Vec::as_slice);
            let warnings = records.iter().enumerate().flat_map(move |(place, candidate)| {
                let path: Vec<String> = path.iter().cloned().chain([place.to_string()]).collect();
                let warnings = Review::of(state, candidate).into_warnings().into_iter();
                warnings.map(move |warning| Warning { path: [path.clone(), warning.path].concat(), ..warning })
            });
            warnings.collect::<Vec<_>>()
        };
        Ok(lists.into_iter().flat_map(of_list).collect())
    }

    fn find_lists(
        &self,
        conn: &mut Conn,
        parent: Parent,
        path: &mut Vec<String>,
        found: &mut Vec<(Vec<String>, Owner)>,
    ) -> Result<()> {
        for (field, held) in &self.0 {
            let Kind::Component { of, .. } = field.kind else { continue };
            path.push(field.name.to_owned());
            match held {
                Held::Records => found.push((path.clone(), parent.owner(field))),
                Held::Items(items) => {
                    let ids = rows::list_items(conn, parent, field)?;
                    for (place, (item, id)) in items.iter().zip(ids).enumerate() {
                        path.push(place.to_string());
                        item.find_lists(conn, parent.item(of, id), path, found)?;
                        path.pop();
                    }
                }
            }
            path.pop();
        }
        Ok(())
    }
}
