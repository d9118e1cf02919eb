// Prisma's query engine as an HTTP server, for machines that cannot download the native one.
//
// The Python client starts a program with `-p PORT` and sends it GraphQL. This one is the same release of the engine,
// compiled to WebAssembly (npm: @prisma/query-engine-wasm), over the `pg` driver; that build takes JSON queries, so
// GraphQL is rewritten. Reads PRISMA_DML_PATH (the schema) and DATABASE_URL. For tests on one machine only.
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

const home = process.env.PROMPTPORT_ENGINE_HOME;
const require = createRequire(path.join(home, "package.json"));
const { parse } = require("graphql");
const { PrismaPg } = require("@prisma/adapter-pg");
const { bindAdapter } = require("@prisma/driver-adapter-utils");
const { Client, Pool } = require("pg");

const folder = path.join(home, "node_modules/@prisma/query-engine-wasm/postgresql");
const glue = await import(path.join(folder, "query_engine_bg.js"));
const wasm = new WebAssembly.Module(fs.readFileSync(path.join(folder, "query_engine_bg.wasm")));
glue.__wbg_set_wasm(new WebAssembly.Instance(wasm, { "./query_engine_bg.js": glue }).exports);

// The driver's adapter does not know PostgreSQL's names of things (`name`, `regclass`); they are text.
const NAMES = new Set([19, 2205]);
const query = Client.prototype.query;
Client.prototype.query = function (...asked) {
  const told = query.apply(this, asked);
  if (!(told instanceof Promise)) return told;
  return told.then((result) => {
    for (const field of result.fields ?? []) if (NAMES.has(field.dataTypeID)) field.dataTypeID = 25;
    return result;
  });
};

const datamodel = fs.readFileSync(process.env.PRISMA_DML_PATH, "utf8");
const jsonFields = new Map(
  [...datamodel.matchAll(/^model (\w+) \{$(.*?)^\}$/gms)].map(([, model, body]) => [
    model,
    new Set([...body.matchAll(/^\s*(\w+)\s+Json\b/gm)].map(([, name]) => name)),
  ]),
);

const TRACE = "{}";
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
const engine = new glue.QueryEngine(
  { datamodel, logLevel: "error" },
  () => {},
  bindAdapter(new PrismaPg(pool)),
);
await engine.connect(TRACE);

const ACTIONS =
  /^(findUnique|findFirst|findMany|createOne|createMany|updateOne|updateMany|deleteOne|deleteMany|upsertOne|aggregate|groupBy|executeRaw|queryRaw)(\w*?)(OrThrow)?$/;

function value(node) {
  switch (node.kind) {
    case "IntValue":
    case "FloatValue":
      return Number(node.value);
    case "NullValue":
      return null;
    case "ListValue":
      return node.values.map(value);
    case "ObjectValue":
      return Object.fromEntries(node.fields.map((field) => [field.name.value, value(field.value)]));
    default: // strings, booleans, names of an enumeration
      return node.value;
  }
}

const given = (field) => Object.fromEntries((field.arguments ?? []).map((one) => [one.name.value, value(one.value)]));

function selected(field) {
  const chosen = (field.selectionSet?.selections ?? []).map((inner) => [
    inner.name.value,
    inner.selectionSet ? { arguments: given(inner), selection: selected(inner) } : true,
  ]);
  return Object.fromEntries(chosen);
}

// A JSON column is given as the text of a JSON value, which is a string in GraphQL and must not become one here.
function marked(given, columns) {
  if (Array.isArray(given)) return given.map((one) => marked(one, columns));
  if (given === null || typeof given !== "object") return given;
  const told = ([name, inner]) =>
    columns.has(name) && typeof inner === "string"
      ? [name, { $type: "Json", value: inner }]
      : [name, marked(inner, columns)];
  return Object.fromEntries(Object.entries(given).map(told));
}

function asJson(query) {
  const field = parse(query, { noLocation: true }).definitions[0].selectionSet.selections[0];
  const [, action, model, orThrow] = ACTIONS.exec(field.name.value);
  return {
    ...(model ? { modelName: model } : {}),
    action: action + (orThrow ?? ""),
    query: { arguments: marked(given(field), jsonFields.get(model) ?? new Set()), selection: selected(field) },
  };
}

function plain(answer) {
  if (Array.isArray(answer)) return answer.map(plain);
  if (answer === null || typeof answer !== "object") return answer;
  if ("$type" in answer) return answer.$type === "BigInt" ? Number(answer.value) : answer.value;
  return Object.fromEntries(Object.entries(answer).map(([name, inner]) => [name, plain(inner)]));
}

function opened(table) {
  const cell = (content, at) => (table.types[at] === "json" && typeof content === "string" ? JSON.parse(content) : content);
  return { ...table, rows: table.rows.map((row) => row.map(cell)) };
}

function asResult(answer) {
  if (!answer.data) return answer;
  const [name, found] = Object.entries(answer.data)[0];
  return { ...answer, data: { result: name === "queryRaw" ? opened(found) : plain(found) } };
}

async function ask(body, transaction) {
  if (!body.batch) return asResult(JSON.parse(await engine.query(JSON.stringify(asJson(body.query)), TRACE, transaction)));
  const batch = body.batch.map((one) => asJson(one.query));
  const together = { batch, ...(body.transaction ? { transaction: {} } : {}) };
  const answer = JSON.parse(await engine.query(JSON.stringify(together), TRACE, transaction));
  return answer.batchResult ? { ...answer, batchResult: answer.batchResult.map(asResult) } : answer;
}

async function answer(request, text) {
  const [, ending] = /^\/transaction\/[^/]+\/(commit|rollback)$/.exec(request.url) ?? [];
  if (ending) {
    const id = request.url.split("/")[2];
    return JSON.parse(await (ending === "commit" ? engine.commitTransaction(id, TRACE) : engine.rollbackTransaction(id, TRACE)) || "{}");
  }
  if (request.url === "/transaction/start") return JSON.parse(await engine.startTransaction(text, TRACE));
  if (request.method === "POST") return ask(JSON.parse(text), request.headers["x-transaction-id"]);
  return { status: "ok" };
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    let told;
    try {
      told = await answer(request, Buffer.concat(parts).toString());
    } catch (problem) {
      console.error("engine:", problem);
      told = { errors: [{ error: String(problem), user_facing_error: { is_panic: false, message: String(problem), error_code: "P2010" } }] };
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(told));
  });
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.argv[process.argv.indexOf("-p") + 1]), "localhost");
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));
const parent = process.ppid; // a proxy that is killed leaves no engine behind
setInterval(() => process.ppid === parent || process.exit(0), 1000);
