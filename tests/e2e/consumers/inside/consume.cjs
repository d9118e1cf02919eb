// Runs in the environment of the consumers: an example in JavaScript makes messages of each row, as consume.py has it.
const fs = require("fs");
const path = require("path");
const home = require("module").createRequire(path.join(process.argv[2], "index.js"));
const Example = Object.getPrototypeOf(async () => {}).constructor;

(async () => {
  const { code, cases } = JSON.parse(fs.readFileSync(0, "utf8"));
  const example = new Example("require", "inputs", `${code}\nreturn messages;`);
  const local = (name) => (["dotprompt", "nunjucks"].includes(name) ? home(name) : require(name));
  const messages = [];
  for (const { folder, rows } of cases) {
    process.chdir(folder);
    const made = [];
    for (const row of rows) {
      made.push(
        (await example(local, row)).map((m) => ({
          role: m.role === "model" ? "assistant" : m.role,
          content: m.content.map((part) => part.text).join(""),
        })),
      );
    }
    messages.push(made);
  }
  const { version } = JSON.parse(fs.readFileSync(path.join(process.argv[2], "node_modules/dotprompt/package.json")));
  process.stdout.write(JSON.stringify({ version, messages }));
})();
