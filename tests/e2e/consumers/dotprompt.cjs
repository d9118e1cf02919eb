// Runs in the environment of the consumers: Google's dotprompt makes messages of each row, as consume.py does.
const fs = require("fs");
const path = require("path");
const home = require("module").createRequire(path.join(process.argv[2], "index.js"));
const { Dotprompt } = home("dotprompt");

(async () => {
  const { folder, rows } = JSON.parse(fs.readFileSync(0, "utf8"));
  const source = fs.readFileSync(path.join(folder, fs.readdirSync(folder).find((n) => n.endsWith(".prompt"))), "utf8");
  const messages = [];
  for (const row of rows) {
    const found = await new Dotprompt().render(source, { input: row });
    messages.push(
      found.messages.map((m) => ({
        role: m.role === "model" ? "assistant" : m.role,
        content: m.content.map((part) => part.text).join(""),
      })),
    );
  }
  const { version } = JSON.parse(fs.readFileSync(path.join(process.argv[2], "node_modules/dotprompt/package.json")));
  process.stdout.write(JSON.stringify({ version, messages }));
})();
