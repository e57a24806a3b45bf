// Sends a running server what services send, signed by their own libraries, which also judge what is refused. Makes a
// store of its own and removes it.
//
// node sign.mjs FOLDER BASE_URL TOKEN, where FOLDER has the libraries in its node_modules. Each check that fails is a line;
// the last line is `N passed, M failed`.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';

const [folder, baseURL, token] = process.argv.slice(2);
const load = createRequire(path.join(path.resolve(folder), 'index.js'));
const Stripe = load('stripe');
const { Webhook } = load('standardwebhooks');
const { EventWebhook } = load('@sendgrid/eventwebhook');
const { isValidSlackRequest } = load('@slack/bolt/dist/receivers/verify-request.js');

const SECONDS = () => Math.floor(Date.now() / 1000);
const STRIPE_SECRET = 'whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH';
const STANDARD_SECRET = `whsec_${crypto.randomBytes(24).toString('base64')}`;
const SLACK_SECRET = crypto.randomBytes(16).toString('hex');
const sendgrid = crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const sendgridKey = sendgrid.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');

let passed = 0;
let failed = 0;

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

/** Asks the server as its owner. */
async function ask(method, at, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(new URL(at, baseURL), { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${at}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

const store = await ask('POST', '/api/stores?populate=extensions', {
  data: {
    title: 'Signed',
    slug: `signed-${process.pid}`,
    extensions: [
      { key: 'markket:stripe:webhook', triggers: [], credentials: { webhook_secret: STRIPE_SECRET } },
      { key: 'custom:inbound', triggers: [], credentials: { secret: STANDARD_SECRET } },
      { key: 'markket:sendgrid:webhook', triggers: [], config: { public_key: sendgridKey } },
      { key: 'slack:events', triggers: [], credentials: { signing_secret: SLACK_SECRET } },
    ],
  },
});
const records = Object.fromEntries(store.data.extensions.map((record) => [record.key, record.id]));
const addresses = {};
for (const [key, id] of Object.entries(records)) {
  addresses[key] = (await ask('GET', `/tenon/extensions/${id}/inbound`)).data.url;
}

/** Sends what a service sends, and returns the status and the body of the answer. */
async function post(key, headers, body) {
  const answer = await fetch(addresses[key], { method: 'POST', headers, body });
  return [answer.status, await answer.text()];
}

/** Expects a delivery to be taken, and to tell of so much that is new. */
async function taken(key, headers, body, fresh) {
  const [status, text] = await post(key, headers, body);
  assert.equal(status, 200, text);
  assert.equal(JSON.parse(text).data.new, fresh, text);
}

/** Expects a delivery to be refused for what it is. */
async function refused(key, headers, body) {
  const [status, text] = await post(key, headers, body);
  assert.equal(status, 401, text);
}

/** The triggers of the events that came from a record, the oldest first. */
async function triggers(key) {
  const { data } = await ask('GET', `/tenon/events?document=${store.data.documentId}&pagination[pageSize]=100`);
  const of = data.filter((event) => event.actor === `extension:${records[key]}`);
  return of.map((event) => event.trigger.replace('trigger:', '')).reverse();
}

// Stripe
const stripe = (payload, options = {}) => {
  const header = Stripe.webhooks.generateTestHeaderString({ payload, secret: STRIPE_SECRET, ...options });
  return { 'stripe-signature': header, 'content-type': 'application/json; charset=utf-8' };
};
const stripeEvent = (id, type) => JSON.stringify({ id, object: 'event', type, data: { object: { id: 'x', name: 'Zoë ☃' } } }, null, 2);
const paid = stripeEvent('evt_1', 'invoice.paid');
await check('Stripe: a signed event is taken', () => taken('markket:stripe:webhook', stripe(paid), paid, 1));
await check('Stripe: sent again it is not new', () => taken('markket:stripe:webhook', stripe(paid), paid, 0));
await check('Stripe: the library takes what is taken', () => {
  assert.equal(Stripe.webhooks.constructEvent(paid, stripe(paid)['stripe-signature'], STRIPE_SECRET).id, 'evt_1');
});
await check('Stripe: two secrets while one is changed for the other', async () => {
  const body = stripeEvent('evt_2', 'customer.subscription.deleted');
  const both = `${stripe(body, { secret: 'whsec_old' })['stripe-signature']},${stripe(body)['stripe-signature'].split(',')[1]}`;
  await taken('markket:stripe:webhook', { 'stripe-signature': both }, body, 1);
});
await check('Stripe: another secret', () => refused('markket:stripe:webhook', stripe(paid, { secret: 'whsec_other' }), paid));
await check('Stripe: another scheme', () => refused('markket:stripe:webhook', stripe(paid, { scheme: 'v0' }), paid));
await check('Stripe: a changed byte', () => refused('markket:stripe:webhook', stripe(paid), paid.replace('Zoë', 'Zoe')));
await check('Stripe: an old signature, which the library refuses too', async () => {
  const old = stripe(paid, { timestamp: SECONDS() - 310 });
  assert.throws(() => Stripe.webhooks.constructEvent(paid, old['stripe-signature'], STRIPE_SECRET), /tolerance/);
  await refused('markket:stripe:webhook', old, paid);
});
await check('Stripe: no signature', () => refused('markket:stripe:webhook', {}, paid));
await check('Stripe: its triggers', async () => {
  assert.deepEqual(await triggers('markket:stripe:webhook'), ['stripe_invoice_paid', 'stripe_subscription_cancelled']);
});

// Standard Webhooks
const standard = (id, body, { secret = STANDARD_SECRET, at = new Date() } = {}) => ({
  'webhook-id': id,
  'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
  'webhook-signature': new Webhook(secret).sign(id, at, body),
});
const contact = JSON.stringify({ type: 'contact.created', timestamp: new Date().toISOString(), data: { id: '1f81eb52' } });
await check('Standard Webhooks: a signed message is taken', () => taken('custom:inbound', standard('msg_1', contact), contact, 1));
await check('Standard Webhooks: sent again it is not new', () => taken('custom:inbound', standard('msg_1', contact), contact, 0));
await check('Standard Webhooks: the library takes what is taken', () => {
  assert.equal(new Webhook(STANDARD_SECRET).verify(contact, standard('msg_1', contact)).type, 'contact.created');
});
await check('Standard Webhooks: another secret', () => {
  const other = { secret: `whsec_${crypto.randomBytes(24).toString('base64')}` };
  return refused('custom:inbound', standard('msg_2', contact, other), contact);
});
await check('Standard Webhooks: another id', () => refused('custom:inbound', { ...standard('msg_2', contact), 'webhook-id': 'msg_3' }, contact));
await check('Standard Webhooks: a changed byte', () => refused('custom:inbound', standard('msg_2', contact), `${contact} `));
for (const [name, by] of [['old', -310], ['early', 310]]) {
  await check(`Standard Webhooks: a signature that is too ${name}, which the library refuses too`, async () => {
    const headers = standard('msg_2', contact, { at: new Date(Date.now() + by * 1000) });
    assert.throws(() => new Webhook(STANDARD_SECRET).verify(contact, headers), /timestamp too/);
    await refused('custom:inbound', headers, contact);
  });
}
await check('Standard Webhooks: its trigger', async () => {
  assert.deepEqual(await triggers('custom:inbound'), ['inbound_contact_created']);
});

// SendGrid
const sendgridHeaders = (body, at = SECONDS()) => ({
  'x-twilio-email-event-webhook-signature': crypto.sign('sha256', Buffer.from(`${at}${body}`), sendgrid.privateKey).toString('base64'),
  'x-twilio-email-event-webhook-timestamp': String(at),
});
const batch = (...ids) => `${JSON.stringify(ids.map((id) => ({ email: 'ada@example.com', event: 'delivered', sg_event_id: id, timestamp: SECONDS() })))}\r\n`;
const judged = (body, headers) => {
  const library = new EventWebhook();
  const [signature, timestamp] = Object.values(headers);
  return library.verifySignature(library.convertPublicKeyToECDSA(sendgridKey), body, signature, timestamp);
};
await check('SendGrid: each event of a body is taken, as its library takes it', async () => {
  const [body, other] = [batch('a', 'b', 'c'), batch('a', 'b')];
  assert.equal(judged(body, sendgridHeaders(body)), true);
  assert.equal(judged(other, sendgridHeaders(body)), false);
  await taken('markket:sendgrid:webhook', sendgridHeaders(body), body, 3);
});
await check('SendGrid: what is new among what was sent before', () => taken('markket:sendgrid:webhook', sendgridHeaders(batch('c', 'd', 'd')), batch('c', 'd', 'd'), 1));
await check('SendGrid: the line end is signed too', () => refused('markket:sendgrid:webhook', sendgridHeaders(batch('e')), batch('e').trim()));
await check('SendGrid: an old signature', () => refused('markket:sendgrid:webhook', sendgridHeaders(batch('e'), SECONDS() - 310), batch('e')));
await check('SendGrid: another key', () => {
  const other = crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
  const signature = crypto.sign('sha256', Buffer.from(`${SECONDS()}${batch('e')}`), other).toString('base64');
  return refused('markket:sendgrid:webhook', { ...sendgridHeaders(batch('e')), 'x-twilio-email-event-webhook-signature': signature }, batch('e'));
});
await check('SendGrid: its triggers', async () => {
  assert.deepEqual(await triggers('markket:sendgrid:webhook'), Array(4).fill('sendgrid_event'));
});

// Slack
const slack = (body, at = SECONDS(), secret = SLACK_SECRET) => ({
  'x-slack-request-timestamp': String(at),
  'x-slack-signature': `v0=${crypto.createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex')}`,
});
const valid = (body, headers) => isValidSlackRequest({
  signingSecret: SLACK_SECRET,
  body,
  headers: { ...headers, 'x-slack-request-timestamp': Number(headers['x-slack-request-timestamp']) },
});
const mention = JSON.stringify({ type: 'event_callback', event_id: 'Ev1', event: { type: 'app_mention', text: 'hello' } });
await check('Slack: the question whether someone is there', async () => {
  const body = JSON.stringify({ type: 'url_verification', token: 'x', challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P' });
  assert.deepEqual(await post('slack:events', slack(body), body), [200, JSON.parse(body).challenge]);
  await refused('slack:events', slack(body, SECONDS(), 'other'), body);
});
await check('Slack: a signed event is taken once, as its library takes it', async () => {
  assert.equal(valid(mention, slack(mention)), true);
  await taken('slack:events', slack(mention), mention, 1);
  await taken('slack:events', { ...slack(mention), 'x-slack-retry-num': '1' }, mention, 0);
});
await check('Slack: what its library refuses', async () => {
  for (const headers of [slack(`${mention} `), slack(mention, SECONDS(), 'other'), slack(mention, SECONDS() - 310)]) {
    assert.equal(valid(mention, headers), false);
    await refused('slack:events', headers, mention);
  }
});
await check('Slack: its trigger', async () => assert.deepEqual(await triggers('slack:events'), ['slack_app_mention']));

await check('what one service signs is not taken at the address of another', async () => {
  await refused('custom:inbound', stripe(paid), paid);
  await refused('slack:events', standard('msg_9', contact), contact);
});
await ask('DELETE', `/api/stores/${store.data.documentId}`);

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
