// The page: the pad, the table of models, files of the user's own, and what happens when something fails.

import { centerLikeMnist, resizeOnly } from "./center.js";
import { Pad, SIDE } from "./pad.js";
import { readPicture } from "./picture.js";
import { Problem } from "./problem.js";
import { download, DigitModel, firstLine, startRuntime, timeModels } from "./runtime.js";

const LARGEST_FILE = 64 * 2 ** 20; // bytes of a .tflite; the memory of a phone is small

const message = document.getElementById("message");
const body = document.querySelector("#models tbody");
const rows = []; // {name, model, input, tr, time, answer, bytes}; model is null until it is loaded, bytes: of own files
let chosen = null;
let image = null; // the drawing as 28 x 28, or null when there is nothing to read
let runtimeRuns = false;
let turn = 0; // number of the last drawing: answers to older ones are dropped

function say(text, isError = false) {
  message.textContent = text;
  message.classList.toggle("error", isError);
}

/** A Problem is a sentence for the user; anything else is a mistake of the page, shown as it is. */
function sayProblem(error) {
  say(error instanceof Problem ? error.message : `The page made a mistake (${firstLine(error)}): load it again.`, true);
  if (!(error instanceof Problem)) console.error(error);
}

// Drawing and answers

const percent = (p) => `${Math.round(100 * p)} %`;

const pad = new Pad(document.getElementById("pad"), (pixels, finished) => {
  if (runtimeRuns) say("");
  if (finished) keepDrawing(pixels);
  turn += 1;
  image = null;
  for (const row of rows) row.answer.textContent = "";
  try {
    image = (pad.preprocess === "centred" ? centerLikeMnist : resizeOnly)(pixels, SIDE);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return pad.answer(null, error.message);
  }
  return readDrawing(finished).catch(sayProblem);
});

const KEY = "drawing"; // the drawing of this tab, for the time after it is loaded again

/** Remember the drawing in this tab; a browser that forbids it only forgets it. */
function keepDrawing(pixels) {
  try {
    sessionStorage.setItem(KEY, pixels.some(Boolean) ? btoa(String.fromCharCode(...pixels)) : "");
  } catch { /* no storage, or none left */ }
}

function bringDrawingBack() {
  try {
    const pixels = Uint8Array.from(atob(sessionStorage.getItem(KEY) ?? ""), (c) => c.charCodeAt(0));
    if (pixels.length === SIDE * SIDE) pad.setPixels(pixels);
  } catch { /* no storage, or something else in it */ }
}

/** Ask the chosen model, and after a finished stroke the others too. */
async function readDrawing(finished) {
  const mine = turn, { model } = chosen ?? {};
  if (!image) return;
  if (!model) return pad.answer(null, "The model is loading, your drawing is kept.", image);
  const probabilities = await answerOf(chosen);
  if (mine !== turn) return;
  const best = probabilities.indexOf(Math.max(...probabilities));
  pad.answer(probabilities, `Prediction: ${best} (${percent(probabilities[best])})`, image);
  if (!finished) return;
  for (const row of rows) if (row !== chosen && row.model && mine === turn) await answerOf(row);
}

/** Run a row's model on the drawing and show its answer in the table; returns ten probabilities. */
async function answerOf(row) {
  const mine = turn;
  row.asked = row.model.probabilities(image);
  const probabilities = await row.asked;
  const best = probabilities.indexOf(Math.max(...probabilities));
  if (best < 0) throw new Problem(`${row.name} answers with something that is not a number: train or convert it again.`);
  if (mine === turn) row.answer.textContent = `${best} (${percent(probabilities[best])})`;
  return probabilities;
}

// The table

function addRow({ name, detail, bytes }) {
  const tr = body.insertRow();
  tr.innerHTML = `<th scope="row"><label><input type="radio" name="model"><span></span></label></th><td></td><td></td><td></td>`;
  const [size, time, answer] = tr.querySelectorAll("td");
  const kind = Object.assign(document.createElement("span"), { className: "kind", textContent: detail });
  tr.querySelector("span").append(name, " ", kind);
  size.textContent = (bytes / 1024).toFixed(1);
  const row = { name, model: null, tr, time, answer, input: tr.querySelector("input") };
  row.input.addEventListener("change", () => choose(row));
  rows.push(row);
  return row;
}

function choose(row) {
  chosen = row;
  row.input.checked = true;
  for (const { tr } of rows) tr.classList.toggle("chosen", tr === row.tr);
  readDrawing(true).catch(sayProblem);
}

async function measure(measured) {
  const times = await timeModels(measured.map((row) => row.model), image ?? new Float32Array(784));
  measured.forEach((row, k) => (row.time.textContent = times[k].toFixed(2)));
}

async function loadModels() {
  const runtime = startRuntime();
  runtime.catch(() => {}); // what fails here is told where it is awaited
  for (const entry of await (await download("models.json", "The list of models")).json()) {
    const row = addRow({ ...entry, detail: `${entry.variant}, ${(entry.accuracy * 100).toFixed(2)} %` });
    row.file = entry.file;
  }
  const own = rows.slice();
  choose(own[0]);
  for (const row of own) {
    const bytes = new Uint8Array(await (await download(row.file, row.name)).arrayBuffer());
    row.model = await DigitModel.load(bytes, row.name);
    await readDrawing(true);
    if (row === own[0]) {
      runtimeRuns = true;
      performance.mark("first prediction");
      say("Ready: draw a digit.");
    }
    await new Promise((resolve) => setTimeout(resolve)); // let the pad draw between two models
  }
  await measure(own);
  document.body.dataset.ready = "true"; // for the tests
}

// Files of the user's own

const sameBytes = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

/** Take a row of the user's own out of the table, with a button of its own. */
function offerRemoval(row) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Remove" });
  button.setAttribute("aria-label", `Remove ${row.name}`);
  button.addEventListener("click", () => {
    const { model } = row;
    row.model = null;
    Promise.resolve(row.asked).catch(() => {}).finally(() => model.delete()); // it may be running just now
    row.tr.remove();
    rows.splice(rows.indexOf(row), 1);
    if (chosen === row && rows.length) choose(rows[0]);
    (chosen ?? {}).input?.focus(); // the button that had it is gone
    say(`${row.name} is not in the table any more.`);
  });
  row.tr.querySelector("th").append(button);
}

async function takeModel(file) {
  if (file.size > LARGEST_FILE) {
    throw new Problem(`${file.name} has ${Math.round(file.size / 2 ** 20)} MiB, this page takes up to 64: choose a smaller model.`);
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const old = rows.find((row) => row.bytes && sameBytes(row.bytes, bytes));
  if (old) {
    choose(old);
    return say(`${file.name} is in the table already${old.name === file.name ? "" : ` as ${old.name}`}, and the bars show its answer.`);
  }
  const model = await DigitModel.load(bytes, file.name);
  const detail = ["yours", model.input.type, model.batchWasOpen && "batch fixed to 1", model.hint].filter(Boolean).join(", ");
  const row = addRow({ name: file.name, detail, bytes: file.size });
  Object.assign(row, { model, bytes });
  choose(row);
  await measure([row]);
  offerRemoval(row);
  say(`${file.name} is in the table, and the bars show its answer.`);
}

async function takePicture(file) {
  pad.setPixels(await readPicture(file));
  say(`${file.name} is on the pad.`);
}

let taking = Promise.resolve();

/** Take one file after the other. */
function take(file, takeFile = file.name.endsWith(".tflite") ? takeModel : takePicture) {
  taking = taking.then(() => takeFile(file)).catch(sayProblem);
  return taking;
}

function onFiles(id, takeFile) {
  document.getElementById(id).addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) await take(file, takeFile);
    event.target.value = ""; // the same file can be chosen again
  });
}
onFiles("own_model", takeModel);
onFiles("own_picture", takePicture);

for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}

// Without a network

async function keepOffline() {
  const place = document.getElementById("offline");
  if (!navigator.serviceWorker) {
    place.textContent = "Without HTTPS a browser does not keep the page: it needs the network each time.";
    return;
  }
  const known = Boolean(navigator.serviceWorker.controller);
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (known) place.textContent = "A new version of this page is here: load it again.";
  });
  try {
    await navigator.serviceWorker.register("service_worker.js");
    await navigator.serviceWorker.ready;
    place.textContent = "This page works without a network now.";
  } catch (error) {
    place.textContent = `The browser does not keep this page (${firstLine(error)}): it needs the network each time.`;
  }
}

say("Loading the runtime and the models ...");
bringDrawingBack();
// The service worker fetches every file: it waits until the models are there.
loadModels().catch(sayProblem).finally(keepOffline);
