// The marking desk: shows one answer, takes keys, and tells the server at once. Texts of students come as HTML that the
// server has cleaned; the page's policy lets no script of theirs run.
"use strict";

const at = { task: 0, place: 0, names: false, tasks: [], last: null, shown: null, bank: [], found: [], chosen: 0, typed: null };
const LETTERS = "adfghlqwertyiopzxvm"; // no command's: each puts a remark of the bank, in its order
const part = (id) => document.getElementById(id);

async function call(name, values = {}) {
  let answer;
  try {
    const reply = await fetch(`call/${name}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values),
    });
    answer = await reply.json();
  } catch {
    answer = { error: "The desk's program does not answer: is it still running? Nothing was saved." };
  }
  if (answer && answer.error) {
    say(answer.error);
    throw new Error(answer.error);
  }
  return answer;
}

function say(text) { part("message").textContent = text; }

function list(id, texts) {
  part(id).replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

// --- what is shown

async function load() {
  const answer = await call("overview");
  at.tasks = answer.tasks;
  showBank(await call("bank"));
}

function showBank(bank) {
  at.bank = bank;
  part("remarks").replaceChildren(...[...LETTERS].slice(0, bank.length).map((letter, k) => {
    const row = document.createElement("li");
    row.append(Object.assign(document.createElement("kbd"), { textContent: letter }),
      Object.assign(document.createElement("span"), { textContent: bank[k] }));
    return row;
  }));
}

async function showTask() {
  const task = await call("task", { task: at.task });
  at.most = task.most;
  part("title").textContent = `${task.title} (${task.lab})`;
  part("asked").innerHTML = task.asked;
  part("scheme").innerHTML = task.scheme;
  part("levels").replaceChildren(...task.levels.map(([points, said]) => {
    const row = document.createElement("li"), text = document.createElement("div");
    row.append(Object.assign(document.createElement("kbd"), { textContent: points }), text);
    text.innerHTML = said;
    row.dataset.points = points;
    return row;
  }));
  await showAgreement();
}

function showItem(item) {
  at.shown = item;
  part("label").textContent = item.label;
  part("parts").replaceChildren(...item.parts.flatMap(([heading, text]) => {
    const body = document.createElement("div");
    body.innerHTML = text;
    for (const link of body.querySelectorAll("a")) Object.assign(link, { target: "_blank", rel: "noreferrer noopener" });
    return [Object.assign(document.createElement("h3"), { textContent: heading }), body];
  }));
  part("remark").value = item.remark;
  list("lines", item.lines);
  part("lines-title").hidden = !item.lines.length;
  showMark(item);
  part("answer").scrollTop = 0;
}

function showMark(item) {
  part("points").textContent = item.points === null ? "none" : `${item.points} of ${at.most}`;
  for (const row of part("levels").children) {
    if (Number(row.dataset.points) === item.points) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  list("others", item.others.map((other) =>
    `${other.marker}: ${other.points}${other.remark ? `. ${other.remark}` : ""}${other.counts ? " (counts)" : ""}`));
}

function showProgress() {
  const marks = at.tasks[at.task].marks, done = marks.filter((points) => points !== null).length;
  const whole = at.tasks.flatMap((task) => task.marks);
  const all = whole.filter((points) => points !== null).length;
  part("progress").textContent =
    `criterion ${at.task + 1} of ${at.tasks.length}: ${done} of ${marks.length} marked, ${all} of ${whole.length} in all`;
}

async function showAgreement() {
  const found = await call("agreement");
  const here = found.filter((row) => row.task === at.task || row.task === null);
  list("agreement", here.length ? here.map((row) =>
    `${row.marker}, ${row.task === null ? "all criteria" : "this criterion"}: ${Math.round(100 * row.exact)} % of `
    + `${row.pairs} equal, ${row.kappa === null ? "too few or too equal for a kappa" : `weighted kappa ${row.kappa.toFixed(2)}`}`)
    : ["Nobody else has marked what you have marked."]);
}

async function show() {
  showItem(await call("item", { task: at.task, place: at.place, names: at.names }));
  showProgress();
  document.body.dataset.ready = `${at.task} ${at.place}`;
}

async function go(task, place) {
  const other = task !== at.task;
  Object.assign(at, { task, place });
  if (other) await showTask();
  await show();
}

// --- keys

async function saveRemark() {
  // a remark that was typed on a marked answer is saved with its points
  const text = part("remark").value;
  if (at.shown && at.shown.points !== null && text.trim() !== at.shown.remark.trim()) {
    await mark(at.shown.points, false);
    say("The remark is saved.");
  }
}

async function mark(points, onwards = true, settle = false) {
  const { task, place } = at;
  const item = await call("mark", { task, place, points, remark: part("remark").value, settle });
  at.tasks[task].marks[place] = item.points;
  at.last = [task, place];
  say(`${at.shown.label}: ${item.points}`);
  at.shown = { ...at.shown, points: item.points, remark: item.remark, others: item.others };
  if (onwards && !item.sample) await next();
  else { showMark(at.shown); showProgress(); }
  if (item.sample || item.others.length) await showAgreement();
  if (onwards && item.sample) say(`${at.shown.label}: ${item.points}. Compare with the mark of the course, then j.`);
}

async function next() {
  const marks = at.tasks[at.task].marks;
  const open = [...marks.keys()].map((k) => (at.place + 1 + k) % marks.length).find((k) => marks[k] === null);
  if (open !== undefined) return go(at.task, open);
  const left = [...at.tasks.keys()].map((k) => (at.task + 1 + k) % at.tasks.length)
    .find((k) => at.tasks[k].marks.includes(null));
  if (left === undefined) {
    await showItem({ ...at.shown });
    showProgress();
    return say("Everything is marked.");
  }
  await go(left, at.tasks[left].marks.indexOf(null));
  say(`Next: ${at.tasks[left].title}.`);
}

async function step(by) {
  const count = at.tasks[at.task].marks.length;
  await saveRemark();
  await go(at.task, (at.place + by + count) % count);
}

async function criterion(by) {
  await saveRemark();
  const task = (at.task + by + at.tasks.length) % at.tasks.length, open = at.tasks[task].marks.indexOf(null);
  await go(task, Math.max(0, open));
}

async function takeBack() {
  if (at.shown.points === null && at.last) await go(...at.last);
  const { label, remark } = at.shown;
  const item = await call("unmark", { task: at.task, place: at.place });
  at.tasks[at.task].marks[at.place] = null;
  showItem({ ...item, label, remark }); // the text stays, for the next mark
  showProgress();
  say("The mark is taken back.");
}

const KEYS = {
  j: () => step(1), ArrowRight: () => step(1), k: () => step(-1), ArrowLeft: () => step(-1),
  "]": () => criterion(1), "[": () => criterion(-1),
  c: () => {
    part("remark").focus();
    part("remark").value += at.typed; // what was typed while the answer before was still being saved
    at.typed = null;
  },
  b: async () => { showBank(await call("keep", { text: part("remark").value })); say("The remark is in the bank."); },
  u: takeBack,
  n: async () => { at.names = !at.names; await show(); say(at.names ? "Names are shown." : "Names are hidden."); },
  s: () => (at.shown.points === null ? say("Mark it first.") : mark(at.shown.points, false, true)),
  " ": () => part("answer").scrollBy({ top: 0.85 * part("answer").clientHeight }),
  ArrowDown: () => part("answer").scrollBy({ top: 60 }), ArrowUp: () => part("answer").scrollBy({ top: -60 }),
};

function workOf(key) {
  if (/^[0-9]$/.test(key)) return () => mark(Number(key));
  const place = key.length === 1 ? LETTERS.indexOf(key) : -1;
  return place < 0 ? KEYS[key] : () => useRemark(at.bank[place]);
}

let queue = Promise.resolve(); // keys are worked off in their order, however fast they come
function enqueue(work) { queue = queue.then(work).catch((error) => say(error.message)); }

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.target === part("remark")) {
    if (event.key === "Escape") { part("answer").focus(); enqueue(saveRemark); event.preventDefault(); }
    return;
  }
  if (at.typed !== null) {
    if (event.key.length === 1) at.typed += event.key;
    return event.preventDefault();
  }
  const work = workOf(event.key);
  if (!(work || DIALOGS[event.key]) || (event.repeat && /^[0-9a-il-z]$/.test(event.key))) return;
  event.preventDefault();
  if (DIALOGS[event.key]) return DIALOGS[event.key]();
  if (event.key === "c") at.typed = "";
  enqueue(work);
});

// --- dialogs

// they open at once, so that the next key is theirs; what they give waits for its turn
const DIALOGS = {
  "/": () => {
    part("find").value = "";
    find();
    part("bank").showModal();
  },
  ".": () => {
    part("typed").value = "";
    part("other").showModal();
  },
};

function find() {
  const words = part("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const digit = /^[1-9]$/.test(part("find").value) ? Number(part("find").value) : 0;
  at.found = at.bank.filter((text) => digit || words.every((word) => text.toLowerCase().includes(word)));
  if (digit && at.found[digit - 1] !== undefined) { at.chosen = digit - 1; take(); return; }
  at.chosen = 0;
  drawFound();
}

function drawFound() {
  part("found").replaceChildren(...at.found.map((text, k) => {
    const row = Object.assign(document.createElement("li"), { id: `remark-${k}`, textContent: `${k + 1}. ${text}` });
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(k === at.chosen));
    return row;
  }));
  part("find").setAttribute("aria-activedescendant", at.found.length ? `remark-${at.chosen}` : "");
  part("found").children[at.chosen]?.scrollIntoView({ block: "nearest" });
}

function take() {
  const text = at.found[at.chosen];
  part("bank").close();
  part("answer").focus();
  enqueue(() => useRemark(text));
}

async function useRemark(text) {
  // put a remark of the bank behind what is there, or take it out again
  if (text === undefined) return say("There is no such remark.");
  const box = part("remark"), there = box.value.includes(text);
  const rest = there ? box.value.replace(text, "") : `${box.value.trim()} ${text}`;
  box.value = rest.replace(/ {2,}/g, " ").trim();
  say(there ? "The remark is taken out." : "The remark is there: give points.");
  await saveRemark();
}

part("find").addEventListener("input", find);
part("find").addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by && at.found.length) { at.chosen = (at.chosen + by + at.found.length) % at.found.length; drawFound(); event.preventDefault(); }
  if (event.key === "Enter") { event.preventDefault(); take(); }
});
part("typed").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const points = Number(part("typed").value.trim().replace(",", ".") || NaN);
  part("other").close();
  part("answer").focus();
  if (Number.isFinite(points)) enqueue(() => mark(points));
  else say("Type a number such as 2.5.");
});

enqueue(async () => {
  await load();
  const open = at.tasks.findIndex((task) => task.marks.includes(null));
  at.task = Math.max(0, open);
  at.place = Math.max(0, at.tasks[at.task].marks.indexOf(null));
  await showTask();
  await show();
  part("answer").focus();
});
