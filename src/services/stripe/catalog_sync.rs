//! A product of ours at Stripe, and its prices there.
//!
//! The product has an id that is made of ours and each price a lookup key made of its id and terms, so that runs side by
//! side find each other's work: what one makes twice, Stripe refuses.

use serde_json::Value;

use super::{Form, Refused, Stripe, Terms, id_of, referred};
use crate::handler::Failure;

/// What Stripe is told of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductFacts {
    /// Its documentId.
    pub document_id: String,
    /// What it is called.
    pub name: String,
    /// A sentence about it, where it is known whether there is one.
    pub description: Option<String>,
    /// Whether it is sold, where that is known.
    pub active: Option<bool>,
    /// The shop's article number.
    pub sku: Option<String>,
}

impl ProductFacts {
    /// Of what events tell of a product, whole or beside a price.
    ///
    /// Fails when it has no name, since Stripe takes none without.
    pub fn of(product: &Value, document_id: &str) -> Result<Self, Failure> {
        let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let name = text(&product["Name"]).ok_or_else(|| Failure::discard("the product's Name is missing"))?;
        let is_whole = product.get("PRICES").is_some();
        Ok(Self {
            document_id: document_id.to_owned(),
            name,
            description: text(&product["SEO"]["metaDescription"]),
            active: is_whole.then(|| product["active"] != false),
            sku: text(&product["SKU"]),
        })
    }

    fn form(&self) -> Form {
        Form::default()
            .with("name", &self.name)
            .with_some("description", self.description.as_deref())
            .with_some("active", self.active)
            .with_metadata("documentId", &self.document_id)
            .with_some("metadata[SKU]", self.sku.as_deref())
    }

    /// What `product` does not say as we do.
    fn changes(&self, product: &Value) -> Form {
        let differs =
            |member: &str, ours: &Option<String>| ours.clone().filter(|ours| product[member] != ours.as_str());
        let sku = self.sku.clone().filter(|sku| product["metadata"]["SKU"] != sku.as_str());
        Form::default()
            .with_some("name", differs("name", &Some(self.name.clone())))
            .with_some("description", differs("description", &self.description))
            .with_some("active", self.active.filter(|active| product["active"] != *active))
            .with_some("metadata[SKU]", sku)
    }
}

/// The id under which Stripe is given a product of ours.
pub fn product_id(document_id: &str) -> String {
    format!("tenon_{document_id}")
}

/// A product at Stripe, with those of its prices that are active.
pub struct CatalogSync<'a> {
    stripe: &'a Stripe,
    document_id: String,
    /// The product.
    pub product: Value,
    prices: Vec<Value>,
}

/// What became of a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its id at Stripe.
    pub id: String,
    /// Whether it was made or taken up again just now.
    pub is_new: bool,
    /// How many that it takes the place of were archived.
    pub archived: usize,
}

impl<'a> CatalogSync<'a> {
    /// The product at Stripe, made where it is not there, changed where it says something else. It is looked for under
    /// the id `remembered`, at the price `adopted`, which somebody made before us, and under the id it has from us.
    pub async fn open(
        stripe: &'a Stripe,
        facts: &ProductFacts,
        remembered: Option<&str>,
        adopted: Option<&str>,
    ) -> Result<Self, Refused> {
        if let Some(product) = find_product(stripe, &facts.document_id, remembered, adopted).await? {
            let id = id_of(&product)?.to_owned();
            let changes = facts.changes(&product);
            let product = match changes.is_empty() {
                true => product,
                false => stripe.post(&["products", &id], &format!("product-{id}"), changes).await?,
            };
            return Self::with(stripe, product, &facts.document_id).await;
        }
        let (id, step) = (product_id(&facts.document_id), format!("product-new-{}", facts.document_id));
        let made = match stripe.make("products", &step, facts.form().with("id", &id)).await {
            // Another run was faster.
            Err(refused) if refused.is_taken() => stripe.get(&["products", &id], &[]).await?,
            made => made?,
        };
        Self::with(stripe, made, &facts.document_id).await
    }

    /// The product at Stripe as it is, if it is there.
    pub async fn find(
        stripe: &'a Stripe,
        document_id: &str,
        remembered: Option<&str>,
        adopted: Option<&str>,
    ) -> Result<Option<Self>, Refused> {
        match find_product(stripe, document_id, remembered, adopted).await? {
            Some(product) => Self::with(stripe, product, document_id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn with(stripe: &'a Stripe, product: Value, document_id: &str) -> Result<Self, Refused> {
        let id = id_of(&product)?.to_owned();
        let prices = stripe.list("prices", &[("product", &id), ("active", "true")]).await?;
        Ok(Self { stripe, document_id: document_id.to_owned(), product, prices })
    }

    /// The product's id at Stripe.
    pub fn id(&self) -> &str {
        self.product["id"].as_str().unwrap_or_default()
    }

    /// The price of ours with this id, on these terms: it is there, or it is made; those that it takes the place of are
    /// archived. `known` are the ids at Stripe that it has had.
    pub async fn place(
        &mut self,
        (price, name): (i64, Option<&str>),
        terms: &Terms,
        known: &[&str],
    ) -> Result<Placed, Refused> {
        let old = self.of_price(price, known);
        let there = old.iter().find(|there| terms.are_those_of(there)).cloned();
        let (current, is_new) = match there {
            Some(there) => (there, false),
            None => (self.make(price, name, terms).await?, true),
        };
        let id = id_of(&current)?.to_owned();
        if let Some(name) = name.filter(|name| current["nickname"] != *name) {
            let form = Form::default().with("nickname", name);
            self.stripe.post(&["prices", &id], &format!("price-name-{id}"), form).await?;
        }
        let mut archived = 0;
        for other in old.iter().filter(|other| other["id"] != id.as_str()) {
            archived += usize::from(self.archive(other, Some(&id)).await?);
        }
        Ok(Placed { id, is_new, archived })
    }

    /// Archives what is there of the price of ours with this id. Returns how many there were.
    pub async fn withdraw(&mut self, price: i64, known: &[&str]) -> Result<usize, Refused> {
        let mut archived = 0;
        for old in self.of_price(price, known) {
            archived += usize::from(self.archive(&old, None).await?);
        }
        Ok(archived)
    }

    /// Archives what is there of the price of ours with this id and is paid again and again. Returns the ids.
    pub async fn withdraw_recurring(&mut self, price: i64, known: &[&str]) -> Result<Vec<String>, Refused> {
        let mut archived = Vec::new();
        for old in self.of_price(price, known) {
            if old["recurring"].is_object() && self.archive(&old, None).await? {
                archived.push(id_of(&old)?.to_owned());
            }
        }
        Ok(archived)
    }

    /// Archives what was made of prices that the product no longer has, those of ours that are not in `kept`. Returns how
    /// many there were.
    pub async fn withdraw_others(&mut self, kept: &[i64]) -> Result<usize, Refused> {
        let is_gone = |there: &&Value| {
            let own = there["metadata"]["priceId"].as_str().and_then(|id| id.parse().ok());
            there["metadata"]["documentId"] == self.document_id.as_str() && own.is_some_and(|id| !kept.contains(&id))
        };
        let gone: Vec<Value> = self.prices.iter().filter(is_gone).cloned().collect();
        let mut archived = 0;
        for price in gone {
            archived += usize::from(self.archive(&price, None).await?);
        }
        Ok(archived)
    }

    /// The prices that are active.
    pub fn prices(&self) -> &[Value] {
        &self.prices
    }

    /// What is active of the price of ours with this id.
    pub fn of_price(&self, price: i64, known: &[&str]) -> Vec<Value> {
        let own = price.to_string();
        let is_ours = |there: &&Value| {
            there["metadata"]["priceId"] == own.as_str() || there["id"].as_str().is_some_and(|id| known.contains(&id))
        };
        self.prices.iter().filter(is_ours).cloned().collect()
    }

    async fn make(&self, price: i64, name: Option<&str>, terms: &Terms) -> Result<Value, Refused> {
        let key = format!("tenon_{}_{price}_{}", self.id(), terms.word());
        let form = terms
            .fill(Form::default().with("product", self.id()))
            .with_some("nickname", name)
            .with("lookup_key", &key)
            .with_metadata("priceId", price)
            .with_metadata("documentId", &self.document_id);
        match self.stripe.make("prices", &format!("price-{price}-{}", terms.word()), form).await {
            // It was made by another run, or stands in the archive since the price was that once before.
            Err(refused) if refused.is_taken() => self.take_up(&key, refused).await,
            made => made,
        }
    }

    async fn take_up(&self, key: &str, refused: Refused) -> Result<Value, Refused> {
        let found = self.stripe.get(&["prices"], &[("lookup_keys[0]", key), ("limit", "1")]).await?;
        let Some(found) = found["data"].get(0).filter(|found| found["lookup_key"] == key) else { return Err(refused) };
        if found["active"] == true {
            return Ok(found.clone());
        }
        let id = id_of(found)?;
        self.stripe.post(&["prices", id], &format!("price-up-{id}"), Form::default().with("active", true)).await
    }

    /// Archives a price, in whose place `next` comes. One that is gone is as good as archived.
    async fn archive(&mut self, price: &Value, next: Option<&str>) -> Result<bool, Refused> {
        let id = id_of(price)?.to_owned();
        if let Some(next) = next
            && referred(&self.product, "default_price") == Some(&id)
        {
            // Stripe archives no price that its product is sold at by default.
            let form = Form::default().with("default_price", next);
            self.product = self.stripe.post(&["products", self.id()], &format!("default-{id}"), form).await?;
        }
        let form = Form::default().with("active", false);
        match self.stripe.post(&["prices", &id], &format!("archive-{id}"), form).await {
            Err(refused) if refused.is_missing() => Ok(false),
            done => done.map(|_| true),
        }
    }
}

async fn find_product(
    stripe: &Stripe,
    document_id: &str,
    remembered: Option<&str>,
    adopted: Option<&str>,
) -> Result<Option<Value>, Refused> {
    if let Some(id) = remembered
        && let Some(product) = stripe.find(&["products", id]).await?
    {
        return Ok(Some(product));
    }
    let adopted = match adopted.filter(|_| remembered.is_none()) {
        Some(price) => stripe.find(&["prices", price]).await?,
        None => None,
    };
    let owner = adopted.as_ref().and_then(|price| referred(price, "product"));
    if let Some(id) = owner
        && let Some(product) = stripe.find(&["products", id]).await?
    {
        return Ok(Some(product));
    }
    let own = product_id(document_id);
    if owner == Some(&own) || remembered == Some(&own) {
        return Ok(None);
    }
    stripe.find(&["products", &own]).await
}
