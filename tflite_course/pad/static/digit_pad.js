// The front end of tflite_course.pad.DigitPad: ink, keyboard, undo, the bar chart, what the model sees, and kept drawings.
// It uses only what anywidget 0.9.21 (Colab) and 0.11 both have: get, set, save_changes, send, on, off.

const SIZE = 280; // the canvas is always 280 x 280, whatever its size on the page: the same pixels in every browser
const SMALL = 28; // pixels a side of what the model sees
const SIDE = 140; // what Python receives, each pixel the mean of 2 x 2
const LIVE_MS = 100; // at most one unfinished drawing in this time
const MOST_UNDO = 200; // steps
const PATIENCE_MS = 3000; // without an answer: say so
const NUDGE_MS = [6, 10, 15, 21, 28, 36, 45]; // see nudge()

const HTML = `
  <div class="dp-grid">
    <canvas class="dp-canvas" width="${SIZE}" height="${SIZE}" tabindex="0" role="application"></canvas>
    <div class="dp-bar">
      <button type="button" data-action="undo">Undo</button>
      <button type="button" data-action="clear">Clear</button>
    </div>
    <p class="dp-status" role="status" aria-live="polite"></p>
    <table class="dp-chart" role="table"><caption>Probability of each digit</caption><tbody role="rowgroup"></tbody></table>
    <div class="dp-seen">
      <p class="dp-title">What the model sees</p>
      <canvas class="dp-small" width="224" height="224" role="img"></canvas>
      <fieldset class="dp-ways" hidden><legend>Input</legend></fieldset>
    </div>
    <p class="dp-help">Draw with mouse, finger or pen. Keys: arrows move (Shift: slowly), Space lowers and lifts the
      pen, U undoes, Delete clears<span class="dp-keys" hidden>, 0 to 9 keep the drawing as that digit</span>.</p>
  </div>`;

const KEEP_HTML = `
  <div class="dp-labels" role="group" aria-label="This was a"><span aria-hidden="true">This was a:</span></div>
  <p class="dp-note" role="status" aria-live="polite"></p>
  <ul class="dp-kept" aria-label="Kept drawings"></ul>`;

function toBytes(value) {
  if (value == null) return new Uint8Array(SIDE * SIDE);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return new Uint8Array(value);
}

// JupyterLab's shortcuts ("d d" deletes the cell) must not fire here. Lumino looks at the focused node itself.
function suppressShortcuts(root) {
  for (const node of root.querySelectorAll("canvas, button, input")) node.dataset.lmSuppressShortcuts = "true";
}

// Strokes with a tenth of a pixel; a copy, because a widget's model sends only what is another object.
const rounded = (strokes) => strokes.map((stroke) => stroke.map((point) => point.map((v) => Math.round(v * 10) / 10)));

function button(text, label, press) {
  const node = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  if (label) node.setAttribute("aria-label", label);
  node.addEventListener("click", press);
  return node;
}

// 784 grey values as a picture that fills a square canvas.
function drawSmall(canvas, pixels) {
  const own = document.createElement("canvas");
  own.width = own.height = SMALL;
  const picture = own.getContext("2d").createImageData(SMALL, SMALL);
  pixels.forEach((value, i) => {
    picture.data.fill(value, 4 * i, 4 * i + 3);
    picture.data[4 * i + 3] = 255;
  });
  own.getContext("2d").putImageData(picture, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(own, 0, 0, canvas.width, canvas.height);
}

// Where the ink of 28 x 28 pixels lies: its box and its centre of mass, as rows and columns; null without ink.
function measureInk(pixels) {
  let total = 0, row = 0, column = 0, top = SMALL, left = SMALL, bottom = -1, right = -1;
  pixels.forEach((value, i) => {
    if (!value) return;
    const x = i % SMALL, y = Math.floor(i / SMALL);
    total += value;
    row += value * y;
    column += value * x;
    [top, bottom, left, right] = [Math.min(top, y), Math.max(bottom, y), Math.min(left, x), Math.max(right, x)];
  });
  return total ? { row: row / total, column: column / total, tall: bottom - top + 1, wide: right - left + 1 } : null;
}

// What the model sees, and the switch between the ways to make it.
function makeSeen(root, model, listen) {
  const box = root.querySelector(".dp-seen"), canvas = root.querySelector(".dp-small");
  const ways = root.querySelector(".dp-ways"), name = "dp" + Math.random().toString(36).slice(2);

  function show() {
    const value = model.get("seen"), pixels = value && toBytes(value), context = canvas.getContext("2d");
    const scale = canvas.width / SMALL, ink = pixels && measureInk(pixels);
    box.classList.toggle("dp-unknown", !pixels && !model.get("ways").length);
    context.clearRect(0, 0, canvas.width, canvas.height);
    let said = "Nothing yet: draw a digit.";
    if (pixels) drawSmall(canvas, pixels);
    context.lineWidth = 2;
    context.strokeStyle = "#56b4e9";
    context.setLineDash([6, 4]);
    context.strokeRect(4 * scale, 4 * scale, 20 * scale, 20 * scale); // digits of MNIST are 20 pixels tall or wide
    context.setLineDash([]);
    if (ink) {
      const x = (ink.column + 0.5) * scale, y = (ink.row + 0.5) * scale;
      context.strokeStyle = "#e69f00";
      context.lineWidth = 3;
      context.beginPath();
      context.moveTo(x - 12, y);
      context.lineTo(x + 12, y);
      context.moveTo(x, y - 12);
      context.lineTo(x, y + 12);
      context.stroke();
      said = `28 by 28 pixels, the digit ${ink.tall} tall and ${ink.wide} wide, its centre of mass in row ` +
        `${ink.row.toFixed(1)} and column ${ink.column.toFixed(1)}, the middle is 14.`;
    }
    canvas.setAttribute("aria-label", `Input image: ${said}`);
  }

  function offer() {
    const offered = model.get("ways"), shown = [...ways.querySelectorAll("input")].map((input) => input.value);
    ways.hidden = !offered.length;
    if (offered.join() !== shown.join()) {
      ways.querySelectorAll("label").forEach((label) => label.remove());
      for (const way of offered) {
        const label = document.createElement("label"), input = document.createElement("input");
        Object.assign(input, { type: "radio", name, value: way });
        input.addEventListener("change", () => {
          model.set({ preprocess: way });
          model.save_changes();
        });
        label.append(input, ` ${way}`);
        ways.append(label);
      }
      suppressShortcuts(ways);
    }
    for (const input of ways.querySelectorAll("input")) input.checked = input.value === model.get("preprocess");
    show();
  }

  for (const trait of ["ways", "preprocess"]) listen(`change:${trait}`, offer);
  listen("change:seen", show);
  offer();
}

// The row "This was a: 0 1 ... 9", what it says, and what was kept. pad: { take(), restore(taken), drop(taken), send }.
function makeKeep(root, model, listen, pad) {
  const place = document.createElement("div");
  place.className = "dp-keep";
  place.innerHTML = KEEP_HTML;
  const note = place.querySelector(".dp-note"), list = place.querySelector(".dp-kept");
  const back = button("Put it back", "", () => pad.send({ kind: "put_back", id: "" }));
  let waiting = null, timer = 0; // the press that has no answer yet

  for (let digit = 0; digit < 10; digit++) {
    place.querySelector(".dp-labels").append(button(String(digit), `This was a ${digit}: keep it`, () => keep(digit)));
  }

  function keep(digit) {
    if (!model.get("keeping") || waiting) return;
    const id = Math.random().toString(36).slice(2) + Date.now().toString(36);
    waiting = { id, ...pad.take() };
    const { pixels, strokes, picture } = waiting;
    const content = { kind: "keep", id, label: digit, strokes: picture ? [] : rounded(strokes) };
    if (!pad.send(content, [pixels.buffer])) waiting = null;
    timer = setTimeout(() => {
      if (waiting) note.textContent = "Waiting: the kernel is busy. The drawing stays here until it is kept.";
    }, PATIENCE_MS);
  }

  function onAnswer() {
    const [id, done] = model.get("kept_answer");
    if (!waiting || id !== waiting.id) return;
    clearTimeout(timer);
    const taken = waiting;
    waiting = null;
    if (done) pad.drop(taken);
  }

  function row({ id, label, read, pixels }) {
    const item = document.createElement("li"), small = document.createElement("canvas");
    const right = read === label;
    const said = read < 0 ? "? not read" : right ? "\u2714 right" : `\u2718 read as ${read}`;
    item.className = right ? "dp-right-one" : "dp-wrong-one";
    small.width = small.height = 2 * SMALL;
    drawSmall(small, Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0)));
    small.setAttribute("aria-hidden", "true"); // the words beside it say what it is
    const words = document.createElement("span");
    words.innerHTML = `<b>${label}</b><br>`;
    words.append(said);
    const name = `Remove the ${label}, ${read < 0 ? "not read" : right ? "read right" : `read as ${read}`}`;
    item.append(small, words, button("Remove", name, () => pad.send({ kind: "remove", id })));
    return item;
  }

  function show() {
    const wanted = model.get("keeping");
    if (wanted && !place.isConnected) root.append(place);
    if (!wanted) place.remove();
    root.querySelector(".dp-keys").hidden = !wanted;
    note.textContent = model.get("kept_note");
    const digits = model.get("kept_shown");
    const key = digits.map(({ id }) => id).join();
    if (list.dataset.shown !== key) {
      list.replaceChildren(...digits.slice().reverse().map(row)); // the newest first
      list.dataset.shown = key;
    }
    if (model.get("can_put_back")) note.after(back);
    else back.remove();
    suppressShortcuts(place);
  }

  for (const trait of ["keeping", "kept_note", "kept_shown", "can_put_back"]) listen(`change:${trait}`, show);
  listen("change:kept_answer", onAnswer);
  show();
  return { keep, stop: () => clearTimeout(timer) };
}

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "digitpad";
  root.innerHTML = HTML;
  el.appendChild(root);

  const canvas = root.querySelector(".dp-canvas");
  const screen = canvas.getContext("2d");
  const status = root.querySelector(".dp-status");
  const help = root.querySelector(".dp-help");
  help.id = "dp" + Math.random().toString(36).slice(2);
  canvas.setAttribute("aria-label", model.get("label"));
  canvas.setAttribute("aria-describedby", help.id);
  suppressShortcuts(root);

  // The drawing without the keyboard's cursor. It lies in memory, not on the graphics card: it is read often.
  const paper = document.createElement("canvas");
  paper.width = paper.height = SIZE;
  const ink = paper.getContext("2d", { willReadFrequently: true });

  const bars = [];
  for (let digit = 0; digit < 10; digit++) {
    const row = root.querySelector("tbody").insertRow();
    row.setAttribute("role", "row"); // said here, because the style sheet lays the table out as a grid
    row.innerHTML = `<th scope="row" role="rowheader">${digit}</th><td class="dp-cell" role="cell"><div class="dp-fill" hidden></div></td><td class="dp-percent" role="cell"></td>`;
    bars.push({ row, fill: row.querySelector(".dp-fill"), percent: row.querySelector(".dp-percent"), shown: -1 });
  }

  const listeners = new AbortController();
  const on = (node, name, handler) => node.addEventListener(name, handler, { signal: listeners.signal });
  const heard = []; // what the model has to forget at the end
  const listen = (event, handler) => {
    model.on(event, handler);
    heard.push([event, handler]);
  };

  let strokes = []; // each a list of [x, y, pressure]
  let current = null; // the stroke that is being drawn
  let picture = null; // ImageData set from Python, below the strokes
  let history = []; // {strokes, picture} before each stroke, clear and drawing of Python's: what Undo goes back to
  let lastSent = null;
  let frame = model.get("frame"); // number of the last drawing that was sent
  let liveTimer = 0, liveTime = 0;
  let nudges = [];
  const cursor = { x: SIZE / 2, y: SIZE / 2, down: false, shown: false };

  function drawSegment(from, to) {
    ink.lineCap = ink.lineJoin = "round";
    ink.strokeStyle = "#fff";
    ink.lineWidth = model.get("pen_width") * to[2];
    ink.beginPath();
    ink.moveTo(from[0], from[1]);
    ink.lineTo(to[0] + (from === to ? 0.01 : 0), to[1]);
    ink.stroke();
  }

  function show() {
    screen.drawImage(paper, 0, 0);
    if (!cursor.shown) return;
    screen.strokeStyle = cursor.down ? "#e69f00" : "#56b4e9";
    screen.lineWidth = 3;
    screen.beginPath();
    screen.arc(cursor.x, cursor.y, model.get("pen_width") / 2 + 2, 0, 7);
    screen.stroke();
  }

  function redraw() {
    ink.fillStyle = "#000";
    ink.fillRect(0, 0, SIZE, SIZE);
    if (picture) ink.putImageData(picture, 0, 0);
    for (const stroke of strokes) stroke.forEach((p, i) => drawSegment(stroke[Math.max(0, i - 1)], p));
    show();
  }

  function grab() {
    const source = ink.getImageData(0, 0, SIZE, SIZE).data;
    const pixels = new Uint8Array(SIDE * SIDE);
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const k = 4 * (2 * y * SIZE + 2 * x);
        pixels[y * SIDE + x] = (source[k] + source[k + 4] + source[k + 4 * SIZE] + source[k + 4 * SIZE + 4] + 2) >> 2;
      }
    }
    return pixels;
  }

  // Numbers never go back, not even when the page was loaded again or a second view shows the same pad.
  function nextFrame() {
    frame = Math.max(frame, model.get("frame"), model.get("answered")) + 1;
    root.dataset.sent = frame; // tests and the benchmark wait until it is answered
    return frame;
  }

  function send(content, buffers) {
    try {
      model.send(content, undefined, buffers);
      return true;
    } catch { // "Cannot send": the kernel that made this pad is gone
      nudges.forEach(clearTimeout);
      status.textContent = "This pad has lost its kernel: run its cell again.";
      return false;
    }
  }

  // Jupyter Server leaves Nagle's algorithm on: its second small packet waits until the browser has acknowledged the
  // first, which a browser delays by up to 40 ms unless it has something to send itself. So it sends something. The server
  // of `make lab` has switched it off: there a nudge would only be more work.
  function nudge() {
    nudges.forEach(clearTimeout);
    nudges = (model.get("nudging") ? NUDGE_MS : []).map((ms) => setTimeout(() => {
      if (model.get("answered") < frame) send({ kind: "nudge" });
    }, ms));
    nudges.push(setTimeout(() => {
      if (model.get("answered") < frame) status.textContent = "Waiting: the kernel is busy with another cell.";
    }, PATIENCE_MS));
  }

  // A finished stroke, an undo or a clear: the state that Python keeps.
  function commit() {
    clearTimeout(liveTimer);
    liveTimer = 0;
    root.removeAttribute("aria-busy");
    lastSent = grab();
    model.set({ pixels: new DataView(lastSent.buffer), frame: nextFrame(), strokes: picture ? [] : rounded(strokes) });
    model.save_changes();
    nudge();
  }

  // An unfinished stroke: a message, which never queues behind a state; at most two are under way.
  function sendLive() {
    if (liveTimer || frame - model.get("answered") > 1) return;
    liveTimer = setTimeout(() => {
      liveTimer = 0;
      if (!current) return;
      liveTime = performance.now();
      send({ kind: "ink", frame: nextFrame() }, [grab().buffer]);
    }, Math.max(0, LIVE_MS - (performance.now() - liveTime)));
  }

  function remember() {
    history.push({ strokes: strokes.slice(), picture });
    if (history.length > MOST_UNDO) history.shift();
  }

  function startStroke(point) {
    remember();
    current = [point];
    strokes.push(current);
    root.setAttribute("aria-busy", "true"); // a screen reader waits until the stroke is finished
    drawSegment(point, point);
    show();
    sendLive();
  }

  function extendStroke(point) {
    drawSegment(current[current.length - 1], point);
    current.push(point);
    sendLive();
  }

  function position(event) {
    const box = canvas.getBoundingClientRect();
    const pressure = event.pointerType === "pen" && event.pressure ? 0.5 + event.pressure : 1;
    return [((event.clientX - box.left) * SIZE) / box.width, ((event.clientY - box.top) * SIZE) / box.height, pressure];
  }

  on(canvas, "pointerdown", (event) => {
    if (!event.isPrimary || event.button) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    cursor.shown = cursor.down = false;
    startStroke(position(event));
  });
  on(canvas, "pointermove", (event) => {
    if (!current || !event.isPrimary || cursor.down) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const e of events.length ? events : [event]) {
      const point = position(e), last = current[current.length - 1];
      if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= 0.5) extendStroke(point);
    }
    show();
  });
  const finish = (event) => {
    if (!current || !event.isPrimary || cursor.down) return;
    current = null;
    commit();
  };
  on(canvas, "pointerup", finish);
  on(canvas, "pointercancel", finish);

  function act(action) {
    if (action === "undo") {
      if (history.length) ({ strokes, picture } = history.pop());
      else picture = null; // of a page that was loaded again
    } else if (strokes.length || picture) {
      remember();
      strokes = [];
      picture = null;
    }
    current = null;
    cursor.down = false;
    redraw();
    commit();
  }
  on(root, "click", (event) => {
    if (event.target.dataset.action) act(event.target.dataset.action);
  });

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  on(canvas, "keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = event.shiftKey ? 3 : 10;
      cursor.shown = true;
      cursor.x = Math.min(SIZE, Math.max(0, cursor.x + arrow[0] * step));
      cursor.y = Math.min(SIZE, Math.max(0, cursor.y + arrow[1] * step));
      if (cursor.down) extendStroke([cursor.x, cursor.y, 1]);
      show();
    } else if (event.key === " " || event.key === "Enter") {
      cursor.shown = true;
      cursor.down = !cursor.down;
      if (cursor.down) startStroke([cursor.x, cursor.y, 1]);
      else {
        current = null;
        show();
        commit();
      }
    } else if (event.key === "Delete" || event.key === "Backspace") act("clear");
    else if (/^[0-9]$/.test(event.key) && model.get("keeping") && !(event.ctrlKey || event.metaKey || event.altKey)) keeper.keep(Number(event.key));
    else if (event.key === "u" || ((event.ctrlKey || event.metaKey) && event.key === "z")) act("undo");
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  on(canvas, "blur", () => {
    cursor.shown = false;
    if (cursor.down) {
      cursor.down = false;
      current = null;
      commit();
    }
    show();
  });

  function showPicture() {
    const pixels = toBytes(model.get("pixels"));
    if (lastSent && pixels.every((value, i) => value === lastSent[i])) return; // our own drawing comes back
    lastSent = pixels.slice();
    if (strokes.length || picture) remember();
    strokes = [];
    current = null;
    picture = null;
    if (pixels.some((value) => value)) {
      picture = ink.createImageData(SIZE, SIZE);
      for (let y = 0; y < SIZE; y++) {
        for (let x = 0; x < SIZE; x++) {
          const k = 4 * (y * SIZE + x);
          picture.data.fill(pixels[(y >> 1) * SIDE + (x >> 1)], k, k + 3);
          picture.data[k + 3] = 255;
        }
      }
    }
    redraw();
  }

  function showAnswer() {
    const answered = model.get("answered");
    const p = model.get("probabilities_shown");
    const best = p.length ? p.indexOf(Math.max(...p)) : -1;
    bars.forEach((bar, digit) => {
      const value = Math.round((p[digit] ?? 0) * 100);
      bar.row.classList.toggle("dp-best", digit === best);
      if (bar.shown === (p.length ? value : -1)) return;
      bar.shown = p.length ? value : -1;
      bar.fill.hidden = !p.length;
      bar.fill.style.width = `${value}%`;
      bar.percent.textContent = p.length ? `${value} %` : "";
    });
    status.textContent = model.get("status");
    root.dataset.answered = answered;
  }

  // What a press on a digit keeps: the drawing as it is now, an unfinished stroke included.
  const keeper = makeKeep(root, model, listen, {
    send,
    take() {
      if (current) {
        current = null;
        cursor.down = false;
        show();
        commit();
      }
      return { pixels: grab(), strokes: strokes.slice(), picture };
    },
    drop(taken) { // it is in the file; what was drawn since then stays
      strokes = strokes.filter((stroke) => !taken.strokes.includes(stroke));
      if (picture === taken.picture) picture = null;
      history = [];
      cursor.shown = false;
      redraw();
      commit();
    },
  });
  makeSeen(root, model, listen);

  listen("change:pixels", showPicture);
  listen("change:answered", showAnswer);
  listen("change:status", showAnswer);
  listen("change:probabilities_shown", showAnswer); // the same status can stand for other bars
  root.dataset.sent = frame;
  redraw();
  showPicture();
  showAnswer();
  return () => {
    listeners.abort();
    clearTimeout(liveTimer);
    keeper.stop();
    nudges.forEach(clearTimeout);
    for (const [event, handler] of heard) model.off(event, handler);
  };
}

export default { render };
