//! The parameter `populate`, in its spellings: `*`, names and dotted paths separated by commas or in a list, and objects
//! with `fields`, `filters`, `sort` and `populate` of their own.

use super::cast::truth;
use super::scope::{PlanContext, Scope, target};
use super::selection::{Populated, Selection};
use super::unsupported_relations;
use super::value::QueryValue;
use super::{fields, filters, sort};
use crate::content::{Field, Kind, Shape};
use crate::error::{Error, KeyPath, Result, Source};

/// Adds what `asked` says to `selection`. What the caller may not see is left out with a warning.
///
/// Fails when a name is not known or is a plain column, when an option is not known, and when it is too much.
pub(super) fn read(
    scope: &Scope,
    asked: &QueryValue,
    selection: &mut Selection,
    context: &mut PlanContext,
) -> Result<()> {
    match asked {
        QueryValue::Null => Ok(()),
        QueryValue::Text(text) if text.trim() == "*" => everything(scope, selection, context),
        QueryValue::Text(text) => names(scope, text, selection, context),
        QueryValue::List(items) => items.iter().try_for_each(|item| {
            let text = item.text().ok_or_else(|| scope.unusable(&[], "takes names, or an object by name"))?;
            // `populate[]=URLS&populate=*`: alone in a list Strapi takes the star for a name.
            match text {
                "*" if items.len() > 1 => everything(scope, selection, context),
                text => names(scope, text, selection, context),
            }
        }),
        QueryValue::Object(members) => {
            members.iter().try_for_each(|(name, value)| member(scope, name, value, selection, context))
        }
    }
}

/// `*`: every component, relation and media field, one level deep; of what the caller may not see nothing is said.
fn everything(scope: &Scope, selection: &mut Selection, context: &mut PlanContext) -> Result<()> {
    for field in scope.shape.fields().iter().filter(|field| !field.kind.is_scalar()) {
        if context.may_follow(field) {
            add(scope, field, selection, context)?;
        }
    }
    Ok(())
}

fn names(scope: &Scope, text: &str, selection: &mut Selection, context: &mut PlanContext) -> Result<()> {
    let paths = text.split(',').map(str::trim).filter(|path| !path.is_empty());
    for path in paths {
        follow(scope, path, selection, context)?;
    }
    Ok(())
}

/// `stores.SEO.socialImage`: each name is populated in the one before it.
fn follow(scope: &Scope, path: &str, selection: &mut Selection, context: &mut PlanContext) -> Result<()> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    if is_unkept(scope, name, selection, context) {
        return Ok(());
    }
    // For a name without brackets Strapi answers the whole way to it as the path.
    let field = find(scope, name, context).ok_or_else(|| scope.unknown_part(name))?;
    match (open(scope, field, selection, context)?, rest) {
        (Some(populated), Some(rest)) => follow(&scope.below(field), rest, &mut populated.selection, context),
        _ => Ok(()),
    }
}

/// `[PRICES]=true` or `[PRICES][populate]=…`.
fn member(
    scope: &Scope,
    name: &str,
    value: &QueryValue,
    selection: &mut Selection,
    context: &mut PlanContext,
) -> Result<()> {
    if is_unkept(scope, name, selection, context) {
        return Ok(());
    }
    let Some(field) = find(scope, name, context) else {
        return Err(if scope.shape.find_column(name).is_some() { scope.refused(name) } else { scope.missing(name) });
    };
    match value {
        QueryValue::Text(text) if ["false", "f", "0"].contains(&text.as_str()) => Ok(()),
        QueryValue::Text(text) if text == "*" => add_starred(scope, field, selection, context),
        QueryValue::Text(text) if ["true", "t", "1"].contains(&text.as_str()) => add(scope, field, selection, context),
        QueryValue::Text(text) if target(field).is_some() => Err(scope.below(field).unknown(text)),
        QueryValue::Object(options) => {
            let Some(populated) = open(scope, field, selection, context)? else { return Ok(()) };
            options.iter().try_for_each(|option| set(scope, populated, option, context))?;
            populated.selection.show_sorted(scope.below(field).shape, &populated.sort);
            Ok(())
        }
        _ => Err(scope.below(field).unusable(&[], "takes true, false, or an object of options")),
    }
}

/// The attribute with this name. Phones ask for `logo`: media are found in any case, and everything else in its own, as
/// Strapi has it.
fn find(scope: &Scope, name: &str, context: &mut PlanContext) -> Option<&'static Field> {
    let exact = scope.shape.find_field(name);
    exact.or_else(|| {
        let is_meant =
            |field: &&Field| matches!(field.kind, Kind::Media { .. }) && field.name.eq_ignore_ascii_case(name);
        let meant = scope.shape.fields().iter().find(is_meant)?;
        context.warn(&[scope.param, name], format!("is called {}; it was read as that", meant.name));
        Some(meant)
    })
}

/// Whether this is a list that is not kept; then it is shown as one with nothing in it, whatever is asked of what it has.
fn is_unkept(scope: &Scope, name: &str, selection: &mut Selection, context: &mut PlanContext) -> bool {
    let Some(name) = unsupported_relations::find(scope.shape, name) else { return false };
    if !selection.unsupported_relations.contains(&name) {
        selection.unsupported_relations.push(name);
        context.warn(&[scope.param, name], "is not kept here: it is answered as an empty list");
    }
    true
}

/// Strapi reads `populate[PRICES]=*` as one level too deep, and stumbles over the first thing it finds there.
fn add_starred(
    scope: &Scope,
    field: &'static Field,
    selection: &mut Selection,
    context: &mut PlanContext,
) -> Result<()> {
    let inner = |shape: Shape| shape.fields().iter().find(|inner| target(inner).is_some());
    match target(field).and_then(inner) {
        Some(inner) => {
            let path = KeyPath::At(format!("{}.{}", field.name, inner.name));
            Err(Error::misplaced_key(inner.name, path, Source::Unnamed))
        }
        None => add(scope, field, selection, context),
    }
}

/// One option of a populated field, which stands in `scope`.
fn set(
    scope: &Scope,
    populated: &mut Populated,
    (key, value): &(String, QueryValue),
    context: &mut PlanContext,
) -> Result<()> {
    let scope_below = scope.below(populated.field);
    // Strapi starts the paths of its errors anew inside of fields, filters and sort.
    let anew = Scope::new(scope_below.shape, scope.param);
    match key.as_str() {
        "fields" => populated.selection.columns = fields::read(&anew, value)?,
        "filters" => populated.filter = filters::read(&anew, value, context)?,
        "sort" => populated.sort = sort::read(&anew, value, context)?,
        "populate" => read(&scope_below, value, &mut populated.selection, context)?,
        "count" => populated.counted = value.text().is_some_and(truth),
        "on" => {
            let (field, uid) = (populated.field.name, scope.shape.uid());
            let message = format!("Using fragments is not permitted to populate {field:?} in {uid:?}");
            return Err(Error::Validation(message));
        }
        key => return Err(scope_below.unknown(key)),
    }
    Ok(())
}

fn add(scope: &Scope, field: &'static Field, selection: &mut Selection, context: &mut PlanContext) -> Result<()> {
    open(scope, field, selection, context).map(|_| ())
}

/// The entry of `field` in `selection`, made if need be. `None` for media, which have nothing inside, and for what the
/// caller may not see.
fn open<'a>(
    scope: &Scope,
    field: &'static Field,
    selection: &'a mut Selection,
    context: &mut PlanContext,
) -> Result<Option<&'a mut Populated>> {
    if matches!(field.kind, Kind::Media { .. }) {
        if !selection.media.contains(&field) {
            selection.media.push(field);
        }
        return Ok(None);
    }
    let Some(shape) = target(field) else { return Err(scope.refused(field.name)) };
    if !context.may_follow(field) {
        context.warn(&[scope.param, field.name], "may not be read by this caller and was left out");
        return Ok(None);
    }
    scope.check_depth()?;
    let known = selection.populated.iter().position(|populated| populated.field == field);
    let place = match known {
        Some(place) => place,
        None => {
            context.populated()?;
            selection.populated.push(Populated::new(field, Selection::plain(shape)));
            selection.populated.len() - 1
        }
    };
    Ok(selection.populated.get_mut(place))
}
