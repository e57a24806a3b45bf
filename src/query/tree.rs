//! How the parameters of a query string grow together: `a[b]=1&a[c]=2` is one object, `a=1&a=2` one list.

use super::value::QueryValue;

/// A value in the making. Lists may have gaps, since `a[7]=x` may come before `a[2]=y`.
#[derive(Debug)]
pub(super) enum Node {
    Leaf(Option<String>),
    List(Vec<Option<Node>>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The list with `item` in `place`.
    pub(super) fn list_with(place: usize, item: Self) -> Self {
        let mut items: Vec<_> = (0..place).map(|_| None).collect();
        items.push(Some(item));
        Self::List(items)
    }

    /// Adds what another parameter says about the same thing.
    ///
    /// A value beside an object becomes one of its keys, so that it is refused where it means nothing and cannot vanish.
    pub(super) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::List(mut items), leaf @ Self::Leaf(_)) => {
                items.push(Some(leaf));
                Self::List(items)
            }
            (Self::Object(mut members), Self::Leaf(text)) => {
                insert(&mut members, text.unwrap_or_default(), Self::Leaf(Some("true".into())));
                Self::Object(members)
            }
            (leaf @ Self::Leaf(_), Self::List(items)) => Self::List(std::iter::once(Some(leaf)).chain(items).collect()),
            (leaf @ Self::Leaf(_), other) => Self::List(vec![Some(leaf), Some(other)]),
            (Self::List(items), Self::List(others)) => Self::List(merge_lists(items, others)),
            (left, right) => {
                let mut members = left.into_members();
                for (key, value) in right.into_members() {
                    insert(&mut members, key, value);
                }
                Self::Object(members)
            }
        }
    }

    /// How many values the longest list in it has; gaps are none.
    pub(super) fn longest_list(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::List(items) => {
                let values = items.iter().flatten();
                values.clone().map(Self::longest_list).fold(values.count(), Ord::max)
            }
            Self::Object(members) => members.iter().map(|(_, value)| value.longest_list()).max().unwrap_or(0),
        }
    }

    /// The finished value; gaps in lists close.
    pub(super) fn finish(self) -> QueryValue {
        match self {
            Self::Leaf(None) => QueryValue::Null,
            Self::Leaf(Some(text)) => QueryValue::Text(text),
            Self::List(items) => QueryValue::List(items.into_iter().flatten().map(Self::finish).collect()),
            Self::Object(members) => {
                QueryValue::Object(members.into_iter().map(|(key, value)| (key, value.finish())).collect())
            }
        }
    }

    fn into_members(self) -> Vec<(String, Self)> {
        match self {
            Self::Object(members) => members,
            Self::List(items) => {
                let numbered = items.into_iter().enumerate();
                numbered.filter_map(|(place, item)| Some((place.to_string(), item?))).collect()
            }
            Self::Leaf(_) => Vec::new(),
        }
    }
}

/// Adds a member, or merges it with the one of that name.
pub(super) fn insert(members: &mut Vec<(String, Node)>, key: String, value: Node) {
    let Some((_, old)) = members.iter_mut().find(|(name, _)| *name == key) else {
        members.push((key, value));
        return;
    };
    let taken = std::mem::replace(old, Node::Leaf(None));
    *old = taken.merge(value);
}

/// Items in the same place are merged when both have parts; else the second comes behind all.
fn merge_lists(mut items: Vec<Option<Node>>, others: Vec<Option<Node>>) -> Vec<Option<Node>> {
    for (place, other) in others.into_iter().enumerate() {
        let Some(other) = other else { continue };
        if place >= items.len() {
            items.resize_with(place, || None);
            items.push(Some(other));
            continue;
        }
        match items[place].take() {
            None => items[place] = Some(other),
            Some(item) if !item.is_leaf() && !other.is_leaf() => items[place] = Some(item.merge(other)),
            Some(item) => {
                items[place] = Some(item);
                items.push(Some(other));
            }
        }
    }
    items
}

impl Node {
    fn is_leaf(&self) -> bool {
        matches!(self, Self::Leaf(_))
    }
}
