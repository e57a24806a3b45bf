// A storefront and an integration as they would be written against the generated types: compiled by consume.mjs, then run
// against a server.
//
// node consumer.js ORIGIN TOKEN. Each check that fails is a line; the last line is `N passed, M failed`.
import createClient, { type QuerySerializerOptions } from 'openapi-fetch';
import qs from 'qs';

import type { Event, ListProductsParams, ProductRequest } from './orval.js';
import type { components, paths } from './tenon.js';

declare const process: { argv: string[]; pid: number; exitCode?: number };

type Schemas = components['schemas'];

const [origin, token] = process.argv.slice(2) as [string, string];
const headers = { Authorization: `Bearer ${token}` };
const plain = createClient<paths>({ baseUrl: origin, headers });
// Objects within objects, as every client of Strapi sends them.
const querySerializer = (query: unknown): string => qs.stringify(query, { encodeValuesOnly: true });
const nested = createClient<paths>({ baseUrl: origin, headers, querySerializer });
const exploded: QuerySerializerOptions = { array: { style: 'form', explode: false } };

const mark = `consumer-${process.pid}`;
const slug = (letter: string): string => `${mark}-${letter}`;
let passed = 0;
let failed = 0;

async function check(name: string, story: () => Promise<void>): Promise<void> {
  try {
    await story();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function equal(found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${left} is not ${right}`);
}

/** What was answered, unless it is an error. */
function content<T>(answer: { data?: T; error?: Schemas['Problem'] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.error.message ?? 'nothing was answered');
  return answer.data;
}

let store: Schemas['Store'];
let product: Schemas['Product'];

await check('documents are made of what they need and no more', async () => {
  const made = await plain.POST('/api/stores', { body: { data: { title: 'Tea House', slug: slug('a') } } });
  store = content(made).data;
  const data: Schemas['ProductInput'] = {
    Name: 'Sencha',
    slug: slug('tea'),
    usd_price: 12.5,
    PRICES: [{ Name: '100 g', Price: 12.5, Currency: 'EUR' }, { Price: '100.25' }],
    stores: [store.documentId],
  };
  product = content(await plain.POST('/api/products', { body: { data } })).data;
  content(await plain.POST('/api/products', { body: { data: { Name: 'Pot', slug: slug('pot'), stores: { connect: [store.documentId] } } } }));
});

await check('filters by one field', async () => {
  const found = content(await plain.GET('/api/products', { params: { query: { filters: { slug: slug('tea') } } } }));
  equal(found.data.map((found) => found.Name), ['Sencha']);
  equal(found.meta.pagination.total, 1);
});

await check('filters with operators and through relations, sorts and pages', async () => {
  const filters = { $and: [{ stores: { slug: { $eq: slug('a') } } }, { $or: [{ Name: { $containsi: 'SEN' } }, { usd_price: { $lt: 1 } }] }] };
  const query = { filters, sort: ['Name:desc'], fields: ['Name'], pagination: { pageSize: 1, page: 2 } };
  const found = content(await nested.GET('/api/products', { params: { query } }));
  equal([found.data.map((found) => found.Name), found.meta.pagination], [['Pot'], { page: 2, pageSize: 1, pageCount: 2, total: 2 }]);
});

await check('populates with a star', async () => {
  const params = { path: { documentId: product.documentId }, query: { populate: '*' } };
  const found = content(await plain.GET('/api/products/{documentId}', { params })).data;
  equal(found.PRICES?.map((price) => price.Price), [12.5, 100.25]);
  equal(found.stores?.map((store) => store.slug), [slug('a')]);
});

for (const [name, client, serializer] of [
  ['repeated', plain, undefined],
  ['comma separated', plain, exploded],
  ['numbered', nested, querySerializer],
] as const) {
  await check(`populates with a list, ${name}`, async () => {
    const params = { path: { documentId: product.documentId }, query: { populate: ['PRICES', 'stores'], fields: ['Name', 'slug'] } };
    const answer = await client.GET('/api/products/{documentId}', { params, querySerializer: serializer });
    const found = content(answer).data;
    equal(Object.keys(found).sort(), ['Name', 'PRICES', 'documentId', 'id', 'slug', 'stores']);
  });
}

await check('populates with an object', async () => {
  const path = { documentId: product.documentId };
  const shallow = await plain.GET('/api/products/{documentId}', { params: { path, query: { populate: { stores: true } } } });
  equal(content(shallow).data.stores?.length, 1);
  const populate = { PRICES: { fields: ['Price'], sort: 'Price:desc', filters: { Price: { $gt: 1 } } }, stores: { populate: ['URLS'] } };
  const found = content(await nested.GET('/api/products/{documentId}', { params: { path, query: { populate } } })).data;
  equal(found.PRICES?.map((price) => price.Price), [100.25, 12.5]);
  equal(found.stores?.[0]?.URLS, []);
});

await check('emits a payload, which comes with the event', async () => {
  const payload = { order: { id: '1001', total: 25.8, currency: 'EUR' }, items: [{ sku: 'T-1', quantity: 2 }] };
  const path = { type: 'stores' as const, documentId: store.documentId, name: 'post_sale' };
  const emitted = await plain.POST('/api/{type}/{documentId}/triggers/{name}', { params: { path }, body: { payload } });
  const { id, repeated } = content(emitted).data;
  equal([emitted.response.status, repeated], [202, false]);
  const { event } = content(await plain.GET('/tenon/events/{id}', { params: { path: { id } } })).data;
  equal([event.trigger, event.payload], ['trigger:post_sale', payload]);
});

await check('creates an extension record, switches it and reads it', async () => {
  const data: Schemas['ExtensionInput'] = {
    key: 'custom:webhook',
    url: 'https://erp.example/hook',
    triggers: ['acme:never'],
    credentials: { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
    config: { policy: { timeout_s: 5 } },
  };
  const path = { type: 'stores' as const, documentId: store.documentId };
  const made = await plain.POST('/api/{type}/{documentId}/extensions', { params: { path }, body: { data } });
  const record = content(made).data;
  equal([made.response.status, record.key, record.credentials, record.active], [201, 'custom:webhook', { secret: '********' }, true]);
  const one = { ...path, id: record.id };
  const off = await plain.POST('/api/{type}/{documentId}/extensions/{id}/toggle', { params: { path: one }, body: { data: { active: false } } });
  equal(content(off).data.active, false);
  const listed = content(await plain.GET('/api/{type}/{documentId}/extensions', { params: { path, query: { active: false } } }));
  equal(listed.data.map((record) => record.triggers), [['acme:never']]);
});

await check('an error says where it is', async () => {
  const { error } = await plain.POST('/api/products', { body: { data: { slug: slug('x') } } });
  equal([error?.error.name, error?.error.details?.errors?.[0]?.path], ['ValidationError', ['Name']]);
});

await check('another generator has the same types', async () => {
  const asked: ListProductsParams = { filters: { slug: { $eq: slug('tea') } }, populate: ['PRICES'], sort: 'Name' };
  const sent: ProductRequest = { data: { Name: 'Sencha', PRICES: [{ Price: 4 }] } };
  const received = (event: Event): string | undefined => event.store?.slug ?? event.target.documentId;
  equal([qs.stringify(asked.filters), sent.data.PRICES?.length, typeof received], [`slug%5B%24eq%5D=${slug('tea')}`, 1, 'function']);
});

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
