// The drawing pad of the notebooks (tflite_course/pad/static/digit_pad.js) without a notebook: this object stands where
// the widget's model is, and the answers come from the page.

import digitPad from "./digit_pad.js";

export const SIDE = 140; // pixels a side of what the pad hands over

/** Put a pad into an element. onDrawing(pixels, finished): Uint8Array of 140 x 140, 0 = paper, 255 = ink. */
export class Pad {
  constructor(element, onDrawing) {
    this.onDrawing = onDrawing;
    this.handlers = {};
    this.values = {
      pixels: null,
      strokes: [],
      frame: 0,
      answered: 0,
      preprocess: "centred",
      ways: ["centred", "only made small"],
      seen: null,
      probabilities_shown: [],
      status: "Draw one digit from 0 to 9.",
      pen_width: 20,
      label: "Drawing pad: draw one digit from 0 to 9",
      keeping: false, // drawings are kept by the notebooks only
      kept_note: "",
      kept_shown: [],
      kept_answer: [],
      can_put_back: false,
    };
    digitPad.render({ model: this, el: element });
  }

  /** The drawing, Uint8Array of 140 x 140. */
  get pixels() {
    const { pixels } = this.values;
    return pixels ? new Uint8Array(pixels.buffer) : new Uint8Array(SIDE * SIDE);
  }

  /** How the drawing becomes the model's input: "centred" or "only made small". */
  get preprocess() {
    return this.values.preprocess;
  }

  /** Put a picture on the pad, as if it had been drawn. */
  setPixels(pixels) {
    this.values.pixels = new DataView(pixels.slice().buffer);
    this.tell("pixels");
    this.save_changes();
  }

  /** Show an answer: ten probabilities, or null for none, a sentence, and the 784 grey values that the model saw. */
  answer(probabilities, status, image = null) {
    const seen = image && Uint8Array.from(image, (grey) => Math.round(255 * grey));
    Object.assign(this.values, { probabilities_shown: probabilities ?? [], status, seen, answered: this.asked ?? 0 });
    this.tell("answered");
    this.tell("seen");
  }

  tell(name) {
    for (const handler of this.handlers[`change:${name}`] ?? []) handler();
  }

  // What digit_pad.js expects of a widget's model.
  get(name) { return this.values[name]; }

  set(changes) { Object.assign(this.values, changes); }

  on(event, handler) { (this.handlers[event] ??= []).push(handler); }

  off(event, handler) { this.handlers[event] = (this.handlers[event] ?? []).filter((h) => h !== handler); }

  save_changes() { // a finished stroke, an undo or a clear
    this.asked = this.values.frame;
    this.onDrawing(this.pixels, true);
  }

  send(content, _, buffers) { // while a stroke is drawn
    if (content.kind !== "ink") return;
    this.asked = content.frame;
    this.onDrawing(new Uint8Array(buffers[0]), false);
  }
}
