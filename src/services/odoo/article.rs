//! What the lines of an order sell, as Odoo knows it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Odoo, Row, Search};
use crate::commerce::Line;
use crate::handler::Failure;

const MODEL: &str = "product.product";
/// What attempts wait for that make an article, be it as a template or a variant.
pub(super) const ARTICLE: &str = "product";

/// How a new article is made.
#[derive(Debug, Clone, Copy)]
struct Making {
    /// Whether it is a sample's, and archived.
    is_sample: bool,
    /// Whether the lines' prices are in what the company counts in: list prices are.
    has_list_price: bool,
}

/// The ids of what `lines` sell, in their order: found by article number, else by name; what Odoo does not have is made, with
/// the line's price as its list price where that is the company's currency (`is_companys`).
///
/// Fails when something that is not there has no price either: a product for nothing would stay behind.
pub async fn articles(odoo: &Odoo, lines: &[Line], is_companys: bool) -> Result<Vec<i64>, Failure> {
    find_or_make(odoo, lines, Making { is_sample: false, has_list_price: is_companys }).await
}

/// The same for a sample: what Odoo does not have is made archived, under a number and a name of its own, and never taken
/// for the real thing.
pub async fn sample_articles(odoo: &Odoo, lines: &[Line], is_companys: bool) -> Result<Vec<i64>, Failure> {
    let found = find(odoo, lines).await?;
    let known_or_sample = |line: &Line| match matching(&found, line) {
        Some(_) => line.clone(),
        None => Line {
            name: format!("Test: {}", line.name),
            sku: code(line).map(|code| format!("TEST {code}")),
            product: None,
            ..line.clone()
        },
    };
    let lines: Vec<_> = lines.iter().map(known_or_sample).collect();
    find_or_make(odoo, &lines, Making { is_sample: true, has_list_price: is_companys }).await
}

async fn find_or_make(odoo: &Odoo, lines: &[Line], making: Making) -> Result<Vec<i64>, Failure> {
    let found = find(odoo, lines).await?;
    let ids: Vec<_> = lines.iter().map(|line| matching(&found, line)).collect();
    let mut missing: Vec<&Line> = Vec::new();
    for (place, (line, id)) in lines.iter().zip(&ids).enumerate() {
        if id.is_some() || missing.iter().any(|other| own_key(other) == own_key(line)) {
            continue;
        }
        if line.price.is_none() {
            return Err(Failure::discard(format!(
                "payload.items[{place}].price is missing, and Odoo has no product {:?} that could have one",
                own_key(line)
            )));
        }
        missing.push(line);
    }
    let made = if missing.is_empty() { HashMap::new() } else { make_missing(odoo, &missing, making).await? };
    let id = |(line, id): (&Line, Option<i64>)| id.or_else(|| made.get(own_key(line)).copied());
    let ids: Option<Vec<_>> = lines.iter().zip(ids).map(id).collect();
    ids.ok_or_else(|| Failure::retry("Odoo did not make every product of the order"))
}

/// Makes what is missing, and returns the ids by what the lines call it. One attempt at a time makes an article: what
/// another one made while this one waited is taken.
async fn make_missing<'a>(odoo: &Odoo, missing: &[&'a Line], making: Making) -> Result<HashMap<&'a str, i64>, Failure> {
    let mut keys: Vec<_> = missing.iter().map(|line| own_key(line)).collect();
    // In one order, so that no two attempts wait for each other.
    keys.sort_unstable();
    let mut locks = Vec::with_capacity(keys.len());
    for key in keys {
        locks.push(odoo.lock(ARTICLE, key).await?);
    }

    let lines: Vec<_> = missing.iter().map(|line| (*line).clone()).collect();
    let found = find(odoo, &lines).await?;
    let (mut ids, mut left) = (HashMap::new(), Vec::new());
    for line in missing {
        match matching(&found, line) {
            Some(id) => drop(ids.insert(own_key(line), id)),
            None => left.push(*line),
        }
    }
    if !left.is_empty() {
        ids.extend(make(odoo, &left, making).await?);
    }
    for lock in locks {
        lock.release(None).await;
    }
    Ok(ids)
}

async fn make<'a>(odoo: &Odoo, missing: &[&'a Line], making: Making) -> Result<HashMap<&'a str, i64>, Failure> {
    let records: Vec<_> = missing.iter().map(|line| record(line, making)).collect();
    let ids = odoo.create_all(MODEL, records).await?;
    let lines: Vec<_> = missing.iter().map(|line| (*line).clone()).collect();
    let found = find(odoo, &lines).await?;
    let (mut made, mut doubled) = (HashMap::new(), Vec::new());
    for (line, id) in missing.iter().zip(ids) {
        // Someone else may have made it at the same time: the first stands.
        let first = matching(&found, line).unwrap_or(id);
        doubled.extend((first != id).then_some(id));
        made.insert(own_key(line), first);
    }
    if !doubled.is_empty() {
        odoo.write(MODEL, &doubled, json!({"active": false})).await?;
    }
    Ok(made)
}

/// The article number of ours, else the product's documentId, else its name.
fn own_key(line: &Line) -> &str {
    code(line).unwrap_or(&line.name)
}

fn code(line: &Line) -> Option<&str> {
    line.sku.as_deref().or(line.product.as_deref())
}

async fn find(odoo: &Odoo, lines: &[Line]) -> Result<Vec<Row>, Failure> {
    let codes: Vec<_> = lines.iter().flat_map(|line| line.sku.iter().chain(&line.product)).collect();
    let names: Vec<_> = lines.iter().filter(|line| line.sku.is_none()).map(|line| &line.name).collect();
    let mut any: Vec<_> = Vec::new();
    any.extend((!codes.is_empty()).then(|| json!(["default_code", "in", codes])));
    any.extend((!names.is_empty()).then(|| json!(["name", "in", names])));
    let mut domain = vec![json!(["active", "in", [true, false]])];
    domain.extend((any.len() == 2).then(|| json!("|")));
    domain.extend(any);
    let domain = Value::Array(domain);
    let fields = &["default_code", "name", "active"];
    odoo.search(Search { model: MODEL, domain, fields, order: "active desc, id", limit: None }).await
}

/// Of several with the same number, the first that is not archived.
fn matching(found: &[Row], line: &Line) -> Option<i64> {
    let by_code = |code: &str| found.iter().find(|row| row.text("default_code") == Some(code));
    let by_name = || found.iter().find(|row| row.text("name") == Some(&line.name));
    let row = match &line.sku {
        // One that was sold before it had a number has the documentId in its place.
        Some(sku) => by_code(sku).or_else(|| line.product.as_deref().and_then(by_code)),
        None => line.product.as_deref().and_then(by_code).or_else(by_name),
    };
    row.map(|row| row.id)
}

/// What is invoiced as it is ordered, so that an order can be invoiced at once.
fn record(line: &Line, making: Making) -> Value {
    let mut record = json!({"name": line.name, "type": "consu", "sale_ok": true, "invoice_policy": "order"});
    if let Some(code) = code(line) {
        record["default_code"] = json!(code);
    }
    record["list_price"] = match &line.price {
        Some(price) if making.has_list_price => json!(price),
        // Without one it would be 1.
        _ => json!(0),
    };
    if making.is_sample {
        record["active"] = json!(false);
    }
    record
}
