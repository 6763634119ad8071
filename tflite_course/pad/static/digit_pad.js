// The front end of tflite_course.drawing.DigitPad: ink, keyboard, undo, and the bar chart.
// It uses only what anywidget 0.9.21 (Colab) and 0.11 both have: get, set, save_changes, send, on, off.

const SIZE = 280; // the canvas is always 280 x 280, whatever its size on the page: the same pixels in every browser
const SIDE = 140; // what Python receives, each pixel the mean of 2 x 2
const LIVE_MS = 100; // at most one unfinished drawing in this time
const PATIENCE_MS = 3000; // without an answer: say so
const NUDGE_MS = [6, 10, 15, 21, 28, 36, 45]; // see nudge()

const HTML = `
  <div class="dp-left">
    <canvas width="${SIZE}" height="${SIZE}" tabindex="0" role="application"></canvas>
    <div class="dp-bar">
      <button type="button" data-action="undo">Undo</button>
      <button type="button" data-action="clear">Clear</button>
    </div>
    <p class="dp-help">Draw with mouse, finger or pen. Keys: arrows move (Shift: slowly), Space lowers and lifts the
      pen, U undoes, Delete clears.</p>
  </div>
  <div class="dp-right">
    <p class="dp-status" role="status" aria-live="polite"></p>
    <table class="dp-chart"><caption>Probability of each digit</caption><tbody></tbody></table>
  </div>`;

function toBytes(value) {
  if (value == null) return new Uint8Array(SIDE * SIDE);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return new Uint8Array(value);
}

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "digitpad";
  root.innerHTML = HTML;
  el.appendChild(root);

  const canvas = root.querySelector("canvas");
  const screen = canvas.getContext("2d");
  const status = root.querySelector(".dp-status");
  const help = root.querySelector(".dp-help");
  help.id = "dp" + Math.random().toString(36).slice(2);
  canvas.setAttribute("aria-label", model.get("label"));
  canvas.setAttribute("aria-describedby", help.id);
  // JupyterLab's shortcuts ("d d" deletes the cell) must not fire here. Lumino looks at the focused node itself.
  for (const node of root.querySelectorAll("canvas, button")) node.dataset.lmSuppressShortcuts = "true";

  // The drawing without the keyboard's cursor. It lies in memory, not on the graphics card: it is read often.
  const paper = document.createElement("canvas");
  paper.width = paper.height = SIZE;
  const ink = paper.getContext("2d", { willReadFrequently: true });

  const bars = [];
  for (let digit = 0; digit < 10; digit++) {
    const row = root.querySelector("tbody").insertRow();
    row.innerHTML = `<th scope="row">${digit}</th><td class="dp-cell"><div class="dp-fill" hidden></div></td><td class="dp-percent"></td>`;
    bars.push({ row, fill: row.querySelector(".dp-fill"), percent: row.querySelector(".dp-percent"), shown: -1 });
  }

  const listeners = new AbortController();
  const on = (node, name, handler) => node.addEventListener(name, handler, { signal: listeners.signal });

  let strokes = []; // each a list of [x, y, pressure]
  let current = null; // the stroke that is being drawn
  let picture = null; // ImageData set from Python, below the strokes
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
    } catch { // "Cannot send": the kernel that made this pad is gone
      nudges.forEach(clearTimeout);
      status.textContent = "This pad has lost its kernel: run its cell again.";
    }
  }

  // Jupyter Server leaves Nagle's algorithm on: its second small packet waits until the browser has acknowledged the
  // first, which a browser delays by up to 40 ms unless it has something to send itself. So it sends something.
  function nudge() {
    nudges.forEach(clearTimeout);
    nudges = NUDGE_MS.map((ms) => setTimeout(() => {
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
    model.set({ pixels: new DataView(lastSent.buffer), frame: nextFrame() });
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

  function startStroke(point) {
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
      if (strokes.length) strokes.pop();
      else picture = null;
    } else {
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

  model.on("change:pixels", showPicture);
  model.on("change:answered", showAnswer);
  model.on("change:status", showAnswer);
  model.on("change:probabilities_shown", showAnswer); // the same status can stand for other bars
  root.dataset.sent = frame;
  redraw();
  showPicture();
  showAnswer();
  return () => {
    listeners.abort();
    clearTimeout(liveTimer);
    nudges.forEach(clearTimeout);
    model.off("change:pixels", showPicture);
    model.off("change:answered", showAnswer);
    model.off("change:status", showAnswer);
    model.off("change:probabilities_shown", showAnswer);
  };
}

export default { render };
