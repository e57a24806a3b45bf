//! Which known names are meant by one that is not known.

/// How many names are suggested at most.
const MOST: usize = 3;

/// The names in `known` that are nearest to `meant`, the nearest first, in any case; none that has little in common with it.
pub fn suggest<'a>(meant: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let most = |known: &str| known.len().max(meant.len()) / 3;
    // Texts of very different lengths are far apart, and comparing them would take as long as both are.
    let comparable = known.into_iter().filter(|known| known.len().abs_diff(meant.len()) <= most(known));
    let near = comparable.map(|known| (distance(&lower(meant), &lower(known)), known));
    let mut near: Vec<_> = near.filter(|(distance, known)| *distance <= most(known)).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(MOST).map(|(_, known)| known).collect()
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// How many letters must be added, removed or changed to make one text of the other (Levenshtein's distance).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (done, letter) in left.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], done + 1);
        for (place, other) in right.bytes().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_in_letters() {
        for (left, right, expected) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("ab", "ba", 2)] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_come_first_and_the_far_not_at_all() {
        let known = ["post_sale", "pre_sale", "post_sale", "order_created", "post_sales_"];
        assert_eq!(suggest("post_sales", known), ["post_sale", "post_sales_"]);
        assert_eq!(suggest("POST_SALE", known)[0], "post_sale");
        assert_eq!(suggest("x", known), [""; 0]);
    }
}
