"use strict";
// The page is whole without this script. With it: only what changed in the prompt, and every held-out example to look at.
for (const box of document.querySelectorAll("[data-hides]")) {
  const diff = document.getElementById(box.dataset.hides);
  box.addEventListener("change", () => {
    for (const line of diff.querySelectorAll(".same")) line.hidden = box.checked;
  });
}

// On paper everything is open.
const closed = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) closed.push(part), (part.open = true);
});
addEventListener("afterprint", () => {
  for (const part of closed.splice(0)) part.open = false;
});

function make(tag, kind, ...inside) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  made.append(...inside);
  return made;
}

// Both texts in pieces, those that the other lacks marked. Long texts are compared between what they begin and end with.
const WORD = /\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu, MOST = 4e6;
function compared(one, other) {
  const a = one.match(WORD) || [], b = other.match(WORD) || [];
  let from = 0, a1 = a.length, b1 = b.length;
  while (from < a1 && from < b1 && a[from] === b[from]) from++;
  while (a1 > from && b1 > from && a[a1 - 1] === b[b1 - 1]) a1--, b1--;
  const n = a1 - from, m = b1 - from, same = [new Uint8Array(a.length).fill(1), new Uint8Array(b.length).fill(1)];
  same[0].fill(0, from, a1), same[1].fill(0, from, b1);
  if (n * m && n * m <= MOST) {
    const best = new Uint16Array((n + 1) * (m + 1));
    for (let i = n - 1; i >= 0; i--)
      for (let j = m - 1; j >= 0; j--)
        best[i * (m + 1) + j] = a[from + i] === b[from + j]
          ? best[(i + 1) * (m + 1) + j + 1] + 1
          : Math.max(best[(i + 1) * (m + 1) + j], best[i * (m + 1) + j + 1]);
    for (let i = 0, j = 0; i < n && j < m; )
      if (a[from + i] === b[from + j]) (same[0][from + i++] = 1), (same[1][from + j++] = 1);
      else if (best[(i + 1) * (m + 1) + j] >= best[i * (m + 1) + j + 1]) i++;
      else j++;
  }
  return [pieces(a, same[0]), pieces(b, same[1])];
}
function pieces(words, same) {
  const found = [];
  for (let i = 0; i < words.length; ) {
    let j = i;
    while (j < words.length && same[j] === same[i]) j++;
    const text = words.slice(i, j).join("");
    found.push(same[i] || !text.trim() ? text : make("mark", "", text));
    i = j;
  }
  return found;
}

const island = document.getElementById("rows");
const data = island ? JSON.parse(island.textContent) : { targets: [], texts: [] };
const text = (place) => (place < 0 ? "" : data.texts[place]);
const HIGH = 60, SPARE = 8;
const KINDS = { worse: "worse", better: "better", same: "same", invalid: "invalid", failed: "no answer" };

const STATES = { invalid: "invalid", refused: "declined" };

function kindOf(row) {
  const [a, b] = [row.a[1], row.b[1]];
  if (a === null || b === null) return "failed";
  return a - b > 1e-9 ? "worse" : b - a > 1e-9 ? "better" : "same";
}
const broken = (row) => row.a[2] !== "ok" || row.b[2] !== "ok";
const gap = (row) => (row.a[1] ?? 0) - (row.b[1] ?? 0);
const shown = (score) => (score === null ? "–" : score.toFixed(2));

class Explorer {
  constructor(root, target) {
    this.root = root;
    this.rows = target.rows.map((row, place) => ({ ...row, place, kind: kindOf(row) }));
    this.list = root.querySelector("[role=listbox]");
    this.pane = root.querySelector(".shown");
    this.count = root.querySelector("output");
    this.field = Object.fromEntries([...root.querySelectorAll("[data-by]")].map((one) => [one.dataset.by, one]));
    this.tall = this.list.appendChild(make("div", "tall"));
    this.drawn = [-1, -1];
    target.slices.forEach((name, place) => this.field.slice.add(new Option(name, place)));
    for (const one of Object.values(this.field)) one.addEventListener("input", () => this.filter());
    this.list.addEventListener("scroll", () => this.draw());
    this.list.addEventListener("keydown", (press) => this.key(press));
    this.list.addEventListener("click", (click) => {
      const row = click.target.closest("[role=option]");
      if (row) this.choose(Number(row.dataset.at));
    });
    this.pane.addEventListener("keydown", (press) => press.key === "Escape" && this.list.focus());
    new ResizeObserver(() => this.draw(true)).observe(this.list);
    root.hidden = false;
    for (const told of document.querySelectorAll(".live")) told.style.display = "inline";
    this.filter();
  }

  found(row) {
    if (!row.words) {
      const texts = [row.id, row.gold, row.a[0], row.b[0], row.a[3], row.b[3], ...row.in.map((pair) => pair[1])];
      row.words = texts.map(text).join("\n").toLowerCase();
    }
    return row.words;
  }

  filter() {
    const kind = this.field.kind.value, slice = this.field.slice.value, order = this.field.order.value;
    const words = this.field.text.value.trim().toLowerCase();
    this.kept = this.rows.filter(
      (row) =>
        (kind === "all" || (kind === "invalid" ? broken(row) : row.kind === kind)) &&
        (slice === "" || row.s.includes(Number(slice))) &&
        (words === "" || this.found(row).includes(words)),
    );
    if (order !== "data") this.kept.sort((x, y) => (order === "lost" ? gap(y) - gap(x) : gap(x) - gap(y)) || x.place - y.place);
    this.count.textContent = `${this.kept.length.toLocaleString("en")} of ${this.rows.length.toLocaleString("en")} examples`;
    this.tall.style.height = `${this.kept.length * HIGH}px`;
    this.list.scrollTop = 0;
    this.choose(0, true);
  }

  choose(at, anew = false) {
    this.at = Math.max(0, Math.min(at, this.kept.length - 1));
    const top = this.at * HIGH, view = this.list.clientHeight;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    else if (top + HIGH > this.list.scrollTop + view && view) this.list.scrollTop = top + HIGH - view;
    this.draw(true);
    this.tell(anew);
  }

  draw(anew = false) {
    const first = Math.max(0, Math.floor(this.list.scrollTop / HIGH) - SPARE);
    const last = Math.min(this.kept.length, Math.ceil((this.list.scrollTop + this.list.clientHeight) / HIGH) + SPARE);
    if (!anew && first === this.drawn[0] && last === this.drawn[1]) return;
    this.drawn = [first, last];
    const places = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
    if (this.kept.length && (this.at < first || this.at >= last)) places.push(this.at);
    this.tall.replaceChildren(...places.map((at) => this.line(at)));
    if (this.kept.length) this.list.setAttribute("aria-activedescendant", `${this.root.id}-${this.at}`);
    else this.list.removeAttribute("aria-activedescendant");
  }

  line(at) {
    const row = this.kept[at], made = make("div", "row");
    made.id = `${this.root.id}-${at}`;
    made.dataset.at = at;
    made.style.top = `${at * HIGH}px`;
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", at === this.at);
    made.setAttribute("aria-setsize", this.kept.length);
    made.setAttribute("aria-posinset", at + 1);
    const flags = make("span", "flags", make("b", row.kind, KINDS[row.kind]), ` ${shown(row.a[1])} \u2192 ${shown(row.b[1])}`);
    if (broken(row) && row.kind !== "failed") flags.append(make("b", "invalid", ` ${STATES[row.b[2]] || STATES[row.a[2]]}`));
    const asked = row.in.map((pair) => text(pair[1])).join(" · ").slice(0, 200);
    made.append(make("code", "", text(row.id)), flags, make("span", "asked", asked));
    return made;
  }

  tell() {
    const row = this.kept[this.at];
    if (!row) return this.pane.replaceChildren(make("p", "soft", "No example is left. Choose other filters."));
    const [a, b] = compared(text(row.a[0]), text(row.b[0]));
    const facts = make("dl");
    for (const [name, value] of row.in) facts.append(make("dt", "", text(name)), make("dd", "mono", text(value)));
    if (row.gold >= 0) facts.append(make("dt", "", "expected"), make("dd", "mono", text(row.gold)));
    const slices = row.s.map((place) => this.field.slice.options[place + 1].text);
    if (slices.length) facts.append(make("dt", "", "slices"), make("dd", "", slices.join(" · ")));
    this.pane.replaceChildren(
      make("h3", "", make("code", "", text(row.id)), ` · ${KINDS[row.kind]}`),
      facts,
      make("div", "sides-of", this.side("Source", row.a, a, "old"), this.side(this.root.dataset.after, row.b, b, "new")),
    );
    this.pane.scrollTop = 0;
  }

  side(name, told, words, kind) {
    const amounts = [`score ${shown(told[1])}`];
    if (told[2] !== "ok") amounts.push(STATES[told[2]] || told[2]);
    if (told[4] !== null) amounts.push(`${told[4].toFixed(2)} s`);
    if (told[5] !== null) amounts.push(`$${(1000 * told[5]).toPrecision(3)} per 1,000`);
    const made = make("div", `answer ${kind}`, make("h4", "", name), make("p", "soft", amounts.join(" · ")));
    made.append(words.length ? make("div", "mono said", ...words) : make("div", "soft said", "(empty)"));
    if (told[6].length) made.append(make("p", "soft", told[6].map(([part, value]) => `${text(part)} ${shown(value)}`).join(" · ")));
    if (told[3] >= 0 && text(told[3])) made.append(make("p", "why", text(told[3])));
    return made;
  }

  key(press) {
    const page = Math.max(1, Math.floor(this.list.clientHeight / HIGH) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (press.key in steps) this.choose(this.at + steps[press.key]);
    else if (press.key === "Enter") this.pane.focus();
    else return;
    press.preventDefault();
  }
}

document.querySelectorAll(".explorer").forEach((root, place) => new Explorer(root, data.targets[place]));
