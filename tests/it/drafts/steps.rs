//! Random steps, and the requests that they stand for once it is known what there is.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::model::Model;
use super::request::{Changes, Doc, Label, LinkChange, Place, Request, Sent};

/// Which documents a sequence is about. Few, so that everything that can happen to two of them soon does.
const SHAPES: [&[Doc]; 4] = [
    &[Doc::Product(0), Doc::Store(0), Doc::Store(1)],
    &[Doc::Store(0), Doc::Product(0), Doc::Product(1)],
    &[Doc::Store(0), Doc::Product(0), Doc::Product(1), Doc::Product(2)],
    &[Doc::Store(0), Doc::Product(0), Doc::Store(1), Doc::Product(1)],
];

#[derive(Debug, Clone)]
pub struct Step {
    doc: Doc,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    /// Creates the document, or saves it if there is one.
    Write {
        edit: Edit,
        publish: bool,
    },
    Publish,
    Unpublish,
    Discard,
    Delete,
}

#[derive(Debug, Clone)]
struct Edit {
    name: Option<u8>,
    /// For each of the fields with items.
    items: [Option<Vec<Pick>>; 3],
    records: Option<Vec<Pick>>,
    links: Option<Linking>,
}

/// Which item a body names.
#[derive(Debug, Clone)]
struct Pick {
    which: Which,
    value: Option<u8>,
    records: Option<Vec<Pick>>,
}

#[derive(Debug, Clone)]
enum Which {
    /// One that there is, counted around; a new one if there is none.
    Known(usize),
    New,
    /// One that the published version has and the draft has no more.
    Gone,
}

#[derive(Debug, Clone)]
enum Linking {
    Set(Vec<usize>),
    Change {
        connect: Vec<(usize, Where)>,
        disconnect: Vec<usize>,
    },
    /// Names a document that there is not.
    Unknown,
}

#[derive(Debug, Clone)]
enum Where {
    End,
    Start,
    Before(usize),
    After(usize),
}

/// Steps that create a few documents, and steps that do things to them.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (edit(), any::<bool>()).prop_map(|(edit, publish)| Action::Write { edit, publish }).boxed();
    let action = prop_oneof![
        12 => write.clone(),
        5 => Just(Action::Publish),
        2 => Just(Action::Unpublish),
        2 => Just(Action::Discard),
        1 => Just(Action::Delete),
    ];
    (
        prop::sample::select(&SHAPES[..]),
        [write.clone(), write.clone(), write.clone(), write],
        vec((0..4_usize, action), 2..8),
    )
        .prop_map(|(docs, created, then)| {
            let created = docs.iter().zip(created).map(|(doc, action)| Step { doc: *doc, action });
            let then = then.into_iter().map(|(number, action)| Step { doc: docs[number % docs.len()], action });
            created.chain(then).collect()
        })
}

fn edit() -> impl Strategy<Value = Edit> {
    let items = || option::weighted(0.3, vec(pick(option::weighted(0.3, records()).boxed()), 0..4));
    let items = [items().boxed(), items().boxed(), items().boxed()];
    (option::of(0..4_u8), items, option::weighted(0.2, records()), option::weighted(0.6, linking()))
        .prop_map(|(name, items, records, links)| Edit { name, items, records, links })
}

fn records() -> impl Strategy<Value = Vec<Pick>> {
    vec(pick(Just(None).boxed()), 0..3)
}

fn pick(records: BoxedStrategy<Option<Vec<Pick>>>) -> impl Strategy<Value = Pick> {
    let which = prop_oneof![8 => (0..4_usize).prop_map(Which::Known), 4 => Just(Which::New), 1 => Just(Which::Gone)];
    (which, option::of(0..4_u8), records).prop_map(|(which, value, records)| Pick { which, value, records })
}

fn linking() -> impl Strategy<Value = Linking> {
    let place = prop_oneof![
        2 => Just(Where::End),
        2 => Just(Where::Start),
        1 => (0..3_usize).prop_map(Where::Before),
        1 => (0..3_usize).prop_map(Where::After),
    ];
    prop_oneof![
        8 => vec(0..3_usize, 0..4).prop_map(Linking::Set),
        12 => (vec((0..3_usize, place), 0..4), vec(0..3_usize, 0..2))
            .prop_map(|(connect, disconnect)| Linking::Change { connect, disconnect }),
        1 => Just(Linking::Unknown),
    ]
}

impl Step {
    /// The request that the step stands for. New items are labelled from `next` on.
    pub fn request(&self, model: &Model, next: &mut Label) -> Request {
        let doc = self.doc;
        match &self.action {
            Action::Write { edit, publish } => {
                let changes = edit.changes(doc, model, next);
                match model.has(doc) {
                    true => Request::Save { doc, changes, publish: *publish },
                    false => Request::Create { doc, changes, publish: *publish },
                }
            }
            Action::Publish => Request::Publish(doc),
            Action::Unpublish => Request::Unpublish(doc),
            Action::Discard => Request::Discard(doc),
            Action::Delete => Request::Delete(doc),
        }
    }
}

impl Edit {
    fn changes(&self, doc: Doc, model: &Model, next: &mut Label) -> Changes {
        let mut changes = Changes { name: self.name, ..Changes::default() };
        for (field, picks) in doc.item_fields().iter().zip(&self.items) {
            let Some(picks) = picks else { continue };
            let (here, public) = (model.labels(doc, field, false), model.labels(doc, field, true));
            // A field of one item takes one item.
            let most = if *field == "SEO" { 1 } else { picks.len() };
            let mut sent = Vec::new();
            for pick in picks.iter().take(most) {
                let mut one = pick.sent((&here, &public), next);
                if *field == "PRICES" {
                    let records = model.record_labels(doc, one.known.then_some(one.label).or(Some(Label::MAX)));
                    let picks = pick.records.as_ref();
                    one.records =
                        picks.map(|picks| picks.iter().map(|pick| pick.sent((&records, &[]), next)).collect());
                }
                sent.push(one);
            }
            changes.items.push((field, sent));
        }
        let records = model.record_labels(doc, None);
        let picks = self.records.as_ref();
        changes.records = picks.map(|picks| picks.iter().map(|pick| pick.sent((&records, &[]), next)).collect());
        changes.links = self.links.as_ref().map(|linking| linking.change(doc, model));
        changes
    }
}

impl Pick {
    fn sent(&self, (here, public): (&[Label], &[Label]), next: &mut Label) -> Sent {
        let gone = public.iter().find(|label| !here.contains(label));
        let label = match (&self.which, gone) {
            (Which::Known(place), _) if !here.is_empty() => Some(here[place % here.len()]),
            (Which::Gone, Some(gone)) => Some(*gone),
            _ => None,
        };
        match label {
            Some(label) => Sent { label, known: true, value: self.value, records: None },
            None => {
                *next += 1;
                Sent { label: *next, known: false, value: self.value.or(Some(0)), records: None }
            }
        }
    }
}

impl Linking {
    fn change(&self, doc: Doc, model: &Model) -> LinkChange {
        let others: Vec<Doc> = model.documents().filter(|other| other.singular() != doc.singular()).collect();
        let known = |number: usize| others.get(number % others.len().max(1)).copied();
        let place = |place: &Where| match place {
            Where::End => Place::End,
            Where::Start => Place::Start,
            Where::Before(number) => known(*number).map_or(Place::End, Place::Before),
            Where::After(number) => known(*number).map_or(Place::End, Place::After),
        };
        match self {
            Self::Set(others) => LinkChange::Set(others.iter().filter_map(|number| known(*number)).collect()),
            Self::Change { connect, disconnect } => LinkChange::Change {
                connect: connect.iter().filter_map(|(number, at)| Some((known(*number)?, place(at)))).collect(),
                disconnect: disconnect.iter().filter_map(|number| known(*number)).collect(),
            },
            Self::Unknown => LinkChange::Set(vec![match doc {
                Doc::Product(_) => Doc::Store(usize::MAX),
                Doc::Store(_) => Doc::Product(usize::MAX),
            }]),
        }
    }
}
