// Drives a running server with every method of the collection manager of Strapi's official client: find, findOne,
// create, update, delete. Makes documents of its own and removes them.
//
// node drive.mjs FOLDER BASE_URL TOKEN, where FOLDER has the client in its node_modules. Each check that fails is a line;
// the last line is `N passed, M failed`.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

const [folder, baseURL, token] = process.argv.slice(2);
const { strapi } = createRequire(path.join(path.resolve(folder), 'index.js'))('@strapi/client');

const client = strapi({ baseURL, auth: token });
const [stores, products, subscribers] = ['stores', 'products', 'subscribers'].map((name) => client.collection(name));

const NOBODY = 'zzzzzzzzzzzzzzzzzzzzzzzz';
const mark = `client-${process.pid}`;
const ours = { slug: { $startsWith: mark } };
const slug = (letter) => `${mark}-${letter}`;
const slugs = (answer) => answer.data.map((document) => document.slug);
const names = (documents) => documents.map((document) => document.Name);

let passed = 0;
let failed = 0;
const made = [];

/** Runs one check; those after it go on whatever becomes of it. */
async function check(name, story) {
  try {
    await story();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`${name}: ${error.message.split('\n').slice(0, 8).join(' | ')}`);
  }
}

/** Creates a document, to be removed at the end. */
async function create(collection, data, query) {
  const { data: document } = await collection.create(data, query);
  made.push([collection, document.documentId]);
  return document;
}

/** Expects `asked` to fail with `status`, in the client's own class of error, and returns the error of the body. */
async function refused(asked, status, type) {
  const error = await asked.then(() => assert.fail('it was not refused'), (error) => error);
  assert.equal(error.response?.status, status, error.message);
  if (type) assert.equal(error.name, type);
  return (await error.response.json()).error;
}

let acme, bean, corner, draft, tea, pot, ada;

// create
await check('a document is published when it is created', async () => {
  const URLS = [{ Label: 'home', URL: 'https://a.example' }];
  acme = await create(stores, { title: 'Acme', slug: slug('a'), active: true, URLS, extensions: [{ key: 'acme:one', config: { n: 1 } }] });
  assert.match(acme.documentId, /^[a-z0-9]{24}$/);
  assert.equal(typeof acme.id, 'number');
  assert.ok(acme.publishedAt);
  assert.equal(acme.URLS, undefined);
});
await check('what is populated is answered to a create', async () => {
  bean = await create(stores, { title: 'Bean', slug: slug('b'), SEO: { metaTitle: 'm' } }, { populate: ['SEO', 'URLS'] });
  assert.equal(bean.SEO.metaTitle, 'm');
  assert.deepEqual(bean.URLS, []);
  assert.equal(bean.active, false);
});
await check('fields choose what is answered to a create', async () => {
  corner = await create(stores, { title: 'Corner é 日本', slug: slug('c') }, { fields: ['title'] });
  assert.deepEqual(Object.keys(corner).sort(), ['documentId', 'id', 'title']);
  assert.equal(corner.title, 'Corner é 日本');
});
await check('a draft stays a draft', async () => {
  draft = await create(stores, { title: 'Draft', slug: slug('d') }, { status: 'draft' });
  assert.equal(draft.publishedAt, null);
});
await check('components within components and links are created', async () => {
  const PRICES = [{ Name: 'S', Price: 5, extensions: [{ key: 'x:y' }] }, { Name: 'L', Price: 15.25, Currency: 'EUR' }];
  const populate = { PRICES: { populate: ['extensions'] }, stores: { fields: ['slug'] } };
  const data = { Name: `${mark} tea`, usd_price: 12.5, quantity: 3, PRICES, Tag: [{ Label: 'new' }], stores: [acme.documentId, bean.documentId] };
  tea = await create(products, data, { populate });
  assert.equal(tea.PRICES[0].extensions[0].key, 'x:y');
  assert.equal(tea.PRICES[1].Price, 15.25);
  assert.deepEqual(slugs({ data: tea.stores }), [slug('a'), slug('b')]);
  pot = await create(products, { Name: `${mark} pot`, usd_price: 99, stores: { connect: [acme.documentId] } });
});
await check('a subscriber has its defaults, and JSON stays as it is', async () => {
  const newsletter_preferences = { a: [1, null] };
  ada = await create(subscribers, { Email: `${mark}@example.com`, stores: [acme.documentId], newsletter_preferences });
  assert.equal(ada.sync_status, 'pending');
  assert.deepEqual(ada.newsletter_preferences, newsletter_preferences);
});
await check('a required field is missed with its path', async () => {
  const error = await refused(stores.create({ slug: slug('x') }), 400, 'HTTPBadRequestError');
  assert.equal(error.name, 'ValidationError');
  assert.deepEqual(error.details.errors[0].path, ['title']);
});
await check('a slug is taken once', async () => {
  const error = await refused(stores.create({ title: 'x', slug: slug('a') }), 400, 'HTTPBadRequestError');
  assert.equal(error.message, 'This attribute must be unique');
});
await check('an unknown field is refused', () => refused(stores.create({ title: 'x', slug: slug('y'), nope: 1 }), 400));
await check('what is no address is refused', () => refused(subscribers.create({ Email: 'nope' }), 400));

// find
await check('a list says where it stands', async () => {
  const { data, meta } = await stores.find();
  assert.ok(Array.isArray(data));
  assert.deepEqual([meta.pagination.page, meta.pagination.pageSize, typeof meta.pagination.total], [1, 25, 'number']);
});

/** Which of our stores, or products, a query finds: what is read of the answer. */
const FOUND = [
  ['a beginning', stores, { filters: ours, sort: 'slug' }, slugs, [slug('a'), slug('b'), slug('c')]],
  ['a value without an operator', stores, { filters: { slug: slug('b') } }, slugs, [slug('b')]],
  ['a truth value', stores, { filters: { ...ours, active: { $eq: true } } }, slugs, [slug('a')]],
  ['one of several', stores, { filters: { slug: { $in: [slug('a'), slug('c')] } }, sort: 'slug:desc' }, slugs, [slug('c'), slug('a')]],
  ['and, or, not', stores, { filters: { $and: [ours, { $or: [{ title: 'Acme' }, { title: 'Bean' }] }, { $not: { slug: slug('a') } }] } }, slugs, [slug('b')]],
  ['a link', products, { filters: { stores: { slug: { $eq: slug('a') } } }, sort: ['usd_price:desc'] }, (answer) => answer.data.map((document) => document.usd_price), [99, 12.5]],
  ['a component', products, { filters: { Name: { $startsWith: mark }, PRICES: { Price: { $gt: 10 } } } }, (answer) => names(answer.data), [`${mark} tea`]],
  ['null', products, { filters: { Name: { $startsWith: mark }, quantity: { $null: true } } }, (answer) => names(answer.data), [`${mark} pot`]],
  ['a moment', stores, { filters: { ...ours, createdAt: { $gt: new Date(Date.now() - 3_600_000) } } }, (answer) => answer.data.length, 3],
  ['letters of any script', stores, { filters: { title: { $contains: 'é 日本' }, ...ours } }, slugs, [slug('c')]],
  ['several orders', stores, { filters: ours, sort: ['active:desc', 'slug:desc'] }, slugs, [slug('a'), slug('c'), slug('b')]],
  ['a page', stores, { filters: ours, sort: 'slug', pagination: { page: 2, pageSize: 2 } }, (answer) => answer.meta.pagination, { page: 2, pageSize: 2, pageCount: 2, total: 3 }],
  ['an offset', stores, { filters: ours, sort: 'slug', pagination: { start: 1, limit: 1 } }, (answer) => [slugs(answer), answer.meta.pagination], [[slug('b')], { start: 1, limit: 1, total: 3 }]],
  ['a page without a count', stores, { filters: ours, pagination: { page: 1, pageSize: 2, withCount: false } }, (answer) => answer.meta.pagination, { page: 1, pageSize: 2 }],
  ['drafts', stores, { filters: ours, status: 'draft' }, (answer) => answer.data.map((document) => document.publishedAt), [null, null, null, null]],
  ['a locale', stores, { filters: ours, locale: 'en' }, (answer) => answer.data.length, 3],
];
for (const [name, collection, query, read, expected] of FOUND) {
  await check(`a list by ${name}`, async () => assert.deepEqual(read(await collection.find(query)), expected));
}
await check('fields choose what a list shows', async () => {
  const { data } = await stores.find({ filters: ours, fields: ['slug'] });
  for (const document of data) assert.deepEqual(Object.keys(document).sort(), ['documentId', 'id', 'slug']);
});
await check('a star populates all of the first level', async () => {
  const [store] = (await stores.find({ filters: { slug: slug('a') }, populate: '*' })).data;
  assert.deepEqual([store.URLS[0].Label, store.SEO, store.extensions[0].key], ['home', null, 'acme:one']);
  assert.deepEqual([store.products.length, store.subscribers.length], [2, 1]);
});
await check('names populate what they name', async () => {
  const [product] = (await products.find({ filters: { documentId: tea.documentId }, populate: ['PRICES', 'stores'] })).data;
  assert.deepEqual([product.PRICES.length, product.PRICES[0].extensions, product.stores.length], [2, undefined, 2]);
});
await check('objects populate with order, filters and levels of their own', async () => {
  const populate = {
    PRICES: { populate: '*', sort: 'Price:desc' },
    stores: { filters: { slug: slug('b') }, populate: { products: { fields: ['Name'] } } },
  };
  const [product] = (await products.find({ filters: { documentId: tea.documentId }, populate })).data;
  assert.deepEqual(product.PRICES.map((price) => price.Price), [15.25, 5]);
  assert.deepEqual(product.stores.map((store) => names(store.products)), [[`${mark} tea`]]);
});
await check('dots populate what is inside', async () => {
  const [product] = (await products.find({ filters: { documentId: tea.documentId }, populate: 'PRICES.extensions' })).data;
  assert.equal(product.PRICES[0].extensions[0].key, 'x:y');
});
await check('a filter on nothing known is refused', () => refused(stores.find({ filters: { nope: 1 } }), 400, 'HTTPBadRequestError'));
await check('an unknown type is not found', () => refused(client.collection('nopes').find(), 404, 'HTTPNotFoundError'));

// findOne
await check('one document', async () => {
  const { data, meta } = await stores.findOne(acme.documentId);
  assert.equal(data.slug, slug('a'));
  assert.deepEqual(meta, {});
});
await check('one document with fields and links in order', async () => {
  const populate = { products: { fields: ['Name'], sort: 'usd_price' } };
  const { data } = await stores.findOne(acme.documentId, { fields: ['slug'], populate });
  assert.deepEqual(names(data.products), [`${mark} tea`, `${mark} pot`]);
});
await check('a draft is found only as one', async () => {
  await refused(stores.findOne(draft.documentId), 404, 'HTTPNotFoundError');
  assert.equal((await stores.findOne(draft.documentId, { status: 'draft' })).data.title, 'Draft');
});
await check('what is not there is not found', () => refused(stores.findOne(NOBODY), 404, 'HTTPNotFoundError'));

// update
await check('an update keeps what it does not name', async () => {
  const { data } = await stores.update(acme.documentId, { title: 'Acme 2' });
  assert.deepEqual([data.title, data.slug, data.documentId], ['Acme 2', slug('a'), acme.documentId]);
  assert.ok(data.publishedAt);
});
await check('an update of the draft leaves what is published', async () => {
  const { data } = await stores.update(acme.documentId, { title: 'Acme 3' }, { status: 'draft' });
  assert.equal(data.publishedAt, null);
  assert.equal((await stores.findOne(acme.documentId)).data.title, 'Acme 2');
  assert.equal((await stores.findOne(acme.documentId, { status: 'draft' })).data.title, 'Acme 3');
});
await check('an update with nothing publishes the draft', async () => {
  assert.equal((await stores.update(acme.documentId, {})).data.title, 'Acme 3');
  assert.ok((await stores.update(draft.documentId, {})).data.publishedAt);
  assert.equal((await stores.findOne(draft.documentId)).data.slug, slug('d'));
});
await check('links are made, cut and set', async () => {
  const query = { populate: { stores: { fields: ['slug'] } }, fields: ['Name'] };
  const change = { connect: [corner.documentId], disconnect: [acme.documentId] };
  const changed = await products.update(tea.documentId, { stores: change }, query);
  assert.deepEqual(slugs({ data: changed.data.stores }), [slug('b'), slug('c')]);
  const set = await products.update(tea.documentId, { stores: { set: [acme.documentId] } }, query);
  assert.deepEqual(slugs({ data: set.data.stores }), [slug('a')]);
});
await check('a list of components is replaced', async () => {
  const { data } = await products.update(tea.documentId, { PRICES: [{ Name: 'only', Price: 1 }] }, { populate: ['PRICES'] });
  assert.deepEqual(names(data.PRICES), ['only']);
});
await check('a component that is named by its id keeps the rest', async () => {
  const { data: before } = await products.findOne(tea.documentId, { status: 'draft', populate: ['PRICES'] });
  const PRICES = [{ id: before.PRICES[0].id, Price: 2 }];
  const { data } = await products.update(tea.documentId, { PRICES }, { populate: ['PRICES'] });
  assert.deepEqual([data.PRICES[0].Name, data.PRICES[0].Price], ['only', 2]);
});
await check('null empties a field', async () => {
  assert.equal((await products.update(tea.documentId, { quantity: null })).data.quantity, null);
});
await check('what is no number is refused', () => refused(products.update(tea.documentId, { usd_price: 'abc' }), 400));
await check('what is not there is not updated', () => refused(stores.update(NOBODY, { title: 'x' }), 404));

// the client itself
await check('a request of its own', async () => {
  const answer = await client.fetch(`/stores?filters[slug]=${slug('a')}`);
  assert.equal((await answer.json()).data.length, 1);
});
await check('an unknown token is refused', () => {
  const stranger = strapi({ baseURL, auth: 'not-a-token' });
  return refused(stranger.collection('stores').find(), 401, 'HTTPAuthorizationError');
});

// delete
await check('a delete answers nothing and removes both versions', async () => {
  assert.equal(await products.delete(pot.documentId), undefined);
  await refused(products.findOne(pot.documentId), 404);
  await refused(products.findOne(pot.documentId, { status: 'draft' }), 404);
});
await check('what is not there is as good as deleted', async () => {
  assert.equal(await products.delete(NOBODY), undefined);
});
await check('the links go with a document', async () => {
  await stores.delete(acme.documentId);
  assert.deepEqual((await products.findOne(tea.documentId, { populate: ['stores'] })).data.stores, []);
});
for (const [collection, documentId] of made) await collection.delete(documentId);
await check('nothing is left', async () => {
  assert.equal((await stores.find({ filters: ours, status: 'draft' })).data.length, 0);
});

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
