// Stands for the outside services, on free ports of this machine: a validating mock for each contract (an OpenAPI file of
// the folder given), and stateful doubles where they say more. Prints where each is, as a line of JSON, and ends when its
// standard input does.
//
//     node services.mjs <folder with node_modules> <folder with contracts>

import { createServer as listen } from "node:http";
import { createRequire } from "node:module";
import { createServer as reserve } from "node:net";
import { join } from "node:path";

const [packages, contracts] = process.argv.slice(2);
const require = createRequire(join(packages, "/"));
const { createLogger } = require("@stoplight/prism-core");
const { createServer } = require("@stoplight/prism-http-server");
const { getHttpOperationsFromSpec } = require("@stoplight/prism-http");

const HOST = "127.0.0.1";
const CONTRACTS = ["discord", "odoo-json2", "posthog", "sendgrid", "slack", "stripe", "telegram"];

// With `errors`, what the contract forbids is refused, and `sl-violations` says why.
const config = {
  errors: true,
  checkSecurity: true,
  isProxy: false,
  mock: { dynamic: false },
  upstreamProxy: undefined,
  validateRequest: true,
  validateResponse: true,
};

const mock = async (name) => {
  const operations = await getHttpOperationsFromSpec(join(contracts, `${name}.json`));
  const components = { logger: createLogger(name, { enabled: false }) };
  return createServer(operations, { components, config }).listen(0, HOST);
};

const stripeDouble = () =>
  new Promise((resolve) => {
    const server = listen(require("stripe-stateful-mock").createExpressApp());
    server.listen(0, HOST, () => resolve(`http://${HOST}:${server.address().port}`));
  });

const freePort = () =>
  new Promise((resolve) => {
    const server = reserve().listen(0, HOST, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const telegramDouble = async () => {
  const port = await freePort();
  const Server = require("telegram-test-api");
  await new Server({ host: HOST, port }).start();
  return `http://${HOST}:${port}`;
};

const places = {};
for (const name of contracts ? CONTRACTS : []) places[name] = await mock(name);
places["stripe-double"] = await stripeDouble();
places["telegram-double"] = await telegramDouble();
// What the doubles say of themselves goes to standard output too: a mark tells this line apart.
console.log(`services: ${JSON.stringify(places)}`);
process.stdin.resume().on("end", () => process.exit());
