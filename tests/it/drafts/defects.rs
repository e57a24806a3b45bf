//! Defects that Strapi's users reported of its draft and publish, by their number in strapi/strapi, as things that do not
//! happen here. What they say beyond a doc comment is in the reports themselves. Those about components are in `items`.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// Creates a document as a draft, or published, and returns its documentId.
async fn create(app: &TestApp, plural: &str, name: &str, links: Value, status: &str) -> String {
    let data = match plural {
        "products" => json!({"Name": name, "stores": links}),
        _ => json!({"title": name, "slug": name.to_lowercase(), "products": links}),
    };
    let answer = app.post(&format!("/api/{plural}?status={status}"), json!({"data": data})).await;
    answer.expect(201)["data"]["documentId"].as_str().expect("a documentId").to_owned()
}

pub(super) async fn save(app: &TestApp, path: &str, status: &str, data: Value) {
    app.put(&format!("/api/{path}?status={status}"), json!({"data": data})).await.expect(200);
}

pub(super) async fn act(app: &TestApp, path: &str, action: &str) {
    app.post(&format!("/api/{path}/actions/{action}"), json!({})).await.expect(200);
}

/// The names of the documents linked to a document, in their order, separated by spaces.
async fn linked(app: &TestApp, path: &str, status: &str) -> String {
    let (field, name) = if path.starts_with("products") { ("stores", "title") } else { ("products", "Name") };
    let answer = app.get(&format!("/api/{path}?status={status}&populate={field}")).await;
    let links = answer.expect(200)["data"][field].as_array().expect("links").clone();
    links.iter().filter_map(|link| link[name].as_str()).collect::<Vec<_>>().join(" ")
}

/// Three published products, and a store with them in an order that is not that of their ids.
async fn store_of_three(app: &TestApp) -> (String, [String; 3]) {
    let mut ids = Vec::new();
    for name in ["One", "Two", "Three"] {
        ids.push(create(app, "products", name, json!([]), "published").await);
    }
    let store = create(app, "stores", "Shop", json!([ids[1], ids[2], ids[0]]), "published").await;
    (format!("stores/{store}"), ids.try_into().expect("three"))
}

on_both_databases! {
    /// strapi/strapi #22228: the draft has the relations in the order in which the editor put them, the published version
    /// has them in the order of their ids.
    async fn the_published_version_has_the_links_in_the_order_of_the_draft(app: &TestApp) {
        let (store, _) = store_of_three(app).await;
        for status in ["draft", "published"] {
            assert_eq!(linked(app, &store, status).await, "Two Three One");
        }
    }

    /// strapi/strapi #27622: links that were there before keep their old order in the published version when the draft is
    /// put in another order and published.
    async fn links_that_stay_are_published_in_their_new_order(app: &TestApp) {
        let (store, [one, two, three]) = store_of_three(app).await;
        save(app, &store, "draft", json!({"products": {"set": [one, three, two]}})).await;
        assert_eq!(linked(app, &store, "published").await, "Two Three One", "not before it is published");
        act(app, &store, "publish").await;
        assert_eq!(linked(app, &store, "published").await, "One Three Two");
        let to_start = json!({"products": {"connect": [{"documentId": two, "position": {"start": true}}]}});
        save(app, &store, "published", to_start).await;
        assert_eq!(linked(app, &store, "published").await, "Two One Three");
    }

    /// strapi/strapi #26615: saving and publishing a child, with nothing about order in it, moves it to the end of its
    /// parent's published list.
    async fn publishing_a_linked_document_does_not_move_it_in_the_lists_it_is_in(app: &TestApp) {
        let (store, [one, two, _]) = store_of_three(app).await;
        save(app, &format!("products/{two}"), "published", json!({"SKU": "a"})).await;
        act(app, &format!("products/{one}"), "publish").await;
        act(app, &format!("products/{two}"), "publish").await;
        for status in ["draft", "published"] {
            assert_eq!(linked(app, &store, status).await, "Two Three One");
        }
    }

    /// The same where the list is in another order in its owner's draft: strapi/strapi #26791 repairs what a publish at
    /// one end did to the order at the other. That order is published when its own document is.
    async fn an_order_that_is_not_published_yet_stays_so_when_a_linked_document_is_published(app: &TestApp) {
        let (store, [one, two, three]) = store_of_three(app).await;
        save(app, &store, "draft", json!({"products": {"set": [one, three, two]}})).await;
        for product in [&one, &two, &three] {
            save(app, &format!("products/{product}"), "published", json!({"SKU": "a"})).await;
            assert_eq!(linked(app, &store, "published").await, "Two Three One");
        }
        assert_eq!(linked(app, &store, "draft").await, "One Three Two");
    }

    /// strapi/strapi #25361: links to documents that are not published are dropped from the published version, and
    /// publishing those documents later does not bring them back.
    async fn links_to_what_is_not_published_yet_appear_when_it_is(app: &TestApp) {
        let (first, second) = (
            create(app, "products", "First", json!([]), "draft").await,
            create(app, "products", "Second", json!([]), "draft").await,
        );
        let store = format!("stores/{}", create(app, "stores", "Shop", json!([second, first]), "published").await);
        assert_eq!(linked(app, &store, "published").await, "");
        act(app, &format!("products/{first}"), "publish").await;
        assert_eq!(linked(app, &store, "published").await, "First");
        act(app, &format!("products/{second}"), "publish").await;
        assert_eq!(linked(app, &store, "published").await, "Second First", "each in its place, see also #23155");
    }

    /// strapi/strapi #25764: a document that is unpublished and published again comes back at the end of the lists it was
    /// in, or not at all (#24779).
    async fn unpublishing_and_publishing_again_leaves_all_lists_as_they_were(app: &TestApp) {
        let (store, [_, two, _]) = store_of_three(app).await;
        act(app, &format!("products/{two}"), "unpublish").await;
        assert_eq!(linked(app, &store, "published").await, "Three One");
        act(app, &store, "publish").await;
        act(app, &format!("products/{two}"), "publish").await;
        assert_eq!(linked(app, &store, "published").await, "Two Three One");
        act(app, &store, "unpublish").await;
        act(app, &store, "publish").await;
        assert_eq!(linked(app, &store, "published").await, "Two Three One");
    }

    /// strapi/strapi #25792: documents that are published one by one, in an order of their own, stand in that order in
    /// the published list, and not in the editor's.
    async fn links_that_come_one_by_one_take_the_places_that_the_draft_gives_them(app: &TestApp) {
        let store = format!("stores/{}", create(app, "stores", "Shop", json!([]), "published").await);
        let mut ids = Vec::new();
        for name in ["One", "Two", "Three"] {
            ids.push(create(app, "products", name, json!([]), "draft").await);
        }
        save(app, &store, "draft", json!({"products": ids})).await;
        for (number, expected) in [(2, "Three"), (0, "One Three"), (1, "One Two Three")] {
            act(app, &format!("products/{}", ids[number]), "publish").await;
            assert_eq!(linked(app, &store, "published").await, expected);
        }
    }

    /// strapi/strapi #24280: discarding the changes of a draft takes away its links to documents that are not published.
    async fn discarding_keeps_links_to_what_is_not_published(app: &TestApp) {
        let pending = create(app, "products", "Pending", json!([]), "draft").await;
        let live = create(app, "products", "Live", json!([]), "published").await;
        let store = format!("stores/{}", create(app, "stores", "Shop", json!([pending, live]), "published").await);
        save(app, &store, "draft", json!({"title": "Another", "products": []})).await;
        act(app, &store, "discard").await;
        assert_eq!(linked(app, &store, "draft").await, "Pending Live");
        assert_eq!(linked(app, &format!("products/{pending}"), "draft").await, "Shop");
    }

    /// strapi/strapi #21054: editing and publishing a document cuts the published links that others have to it.
    async fn links_to_a_document_survive_its_own_edits(app: &TestApp) {
        let store = create(app, "stores", "Shop", json!([]), "published").await;
        let product = format!("products/{}", create(app, "products", "Tea", json!([store]), "published").await);
        for _ in 0..3 {
            save(app, &format!("stores/{store}"), "draft", json!({"Description": "d"})).await;
            act(app, &format!("stores/{store}"), "publish").await;
            assert_eq!(linked(app, &product, "published").await, "Shop");
        }
    }

    /// strapi/strapi #25710: reordering a relation and removing the one it is placed by, in one save, fails.
    async fn a_place_beside_a_link_that_goes_with_the_same_save_is_the_end(app: &TestApp) {
        let (store, [one, two, _]) = store_of_three(app).await;
        let change = json!({"disconnect": [one], "connect": [{"documentId": two, "position": {"before": one}}]});
        save(app, &store, "published", json!({"products": change})).await;
        assert_eq!(linked(app, &store, "published").await, "Three Two");
    }

    /// A draft whose links are partly to what is not published: saying so is no change of them.
    async fn a_save_that_publishes_tells_of_no_change_that_nobody_made(app: &TestApp) {
        let store = create(app, "stores", "Shop", json!([]), "draft").await;
        let product = format!("products/{}", create(app, "products", "Tea", json!([store]), "draft").await);
        save(app, &product, "published", json!({})).await;
        let told = app.texts("SELECT trigger FROM events ORDER BY id").await;
        assert_eq!(told, ["trigger:store_created", "trigger:product_created", "trigger:product_published"]);
    }
}
