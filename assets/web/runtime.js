// LiteRT.js on the CPU, and a model of digits in it.

import { areProbabilities, CLEARLY, countRight, ENOUGH, findLayout, knownDigits, possibleRanges } from "./forms.js";
import { Problem } from "./problem.js";
import { fixShape, readModel } from "./tflite.js";

const FOLDER = new URL("runtime/", import.meta.url);
const ARRAYS = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };
let litert = null;

/** Load the runtime, once. Throws Problem where it cannot run or cannot be downloaded. */
export function startRuntime() {
  litert ??= load().catch((error) => {
    if (!error.final) litert = null; // the network may come back: the next call tries again
    throw error;
  });
  return litert;
}

async function load() {
  if (typeof WebAssembly !== "object") {
    throw new Problem("This browser has no WebAssembly, which runs the models: allow it in the settings, or open the page in another browser.");
  }
  if (typeof DecompressionStream !== "function") {
    throw new Problem("This browser is too old to unpack the runtime: open the page in one from 2023 or later.");
  }
  const name = "litert_wasm_compat_internal";
  const scripts = import("./runtime/litert.js"); // at the same time
  const packed = await download(new URL(`${name}.wasm.gz`, FOLDER), "The runtime");
  const unpacked = new Response(packed.body.pipeThrough(new DecompressionStream("gzip")), {
    headers: { "Content-Type": "application/wasm" },
  });
  try {
    const wasm = await WebAssembly.compileStreaming(unpacked); // compiles while it downloads
    const core = await scripts;
    const failed = new Promise((_, reject) => {
      // Emscripten's script looks here for what a page does by itself.
      self.Module = {
        instantiateWasm(imports, done) {
          WebAssembly.instantiate(wasm, imports).then((instance) => done(instance, wasm), reject);
          return {};
        },
        printErr: (line) => /^(INFO|WARNING)/.test(line) || console.error(line),
      };
    });
    await Promise.race([core.loadLiteRt(new URL(`${name}.js`, FOLDER).href), failed]);
    return core;
  } catch (error) {
    const problem = new Problem(`The runtime does not start in this browser (${firstLine(error)}): update the browser, then load the page again.`);
    throw Object.assign(problem, { final: true });
  }
}

/** fetch() with one sentence for everything that can go wrong. */
export async function download(address, name) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) {
    throw new Problem(`${name} could not be loaded${response ? ` (the server says ${response.status})` : ""}: check the network, then load the page again.`);
  }
  return response;
}

export const firstLine = (error) => String(error?.message ?? error).split("\n")[0].slice(0, 200);

const textOf = (ends) => ends.map(({ shape, signature }) =>
  `[${(signature.length ? signature : shape).join(",").replaceAll("-1", "?")}]`).join(" and ");

/** What helps against a type that LiteRT.js cannot take at an end of the model, "input" or "output". */
function cureFor(part, type) {
  if (type === "string") return "give it pixels and let it give ten numbers";
  if (type === "int64" && part === "output") return "let it end at its ten numbers, without argmax";
  if (/^(float|bfloat|complex)/.test(type)) return `make its ${part} float32 (tf.cast in the model) and convert it anew`;
  if (type === "int8" || type === "int16") return "convert it with inference_input_type = inference_output_type = tf.uint8";
  return `make its ${part} float32 and convert it anew`;
}

/**
 * Return {layout, input, output} of a model: how it takes an image, and the output with ten numbers for each image, by
 * what the file says. Throws Problem with both shapes, or with the type that LiteRT.js does not take.
 */
function findEnds(bytes, name) {
  const { inputs, outputs, customs: [custom] } = readModel(bytes, name);
  const layout = inputs.length === 1 && findLayout(inputs[0].signature.length ? inputs[0].signature : inputs[0].shape);
  const size = (shape) => shape.reduce((a, b) => a * Math.max(b, 1), 1);
  const ten = layout ? outputs.filter(({ shape }) => [10, 10 * layout.batch].includes(size(shape))) : [];
  const output = ten.find(({ type }) => ARRAYS[type]) ?? ten[0] ?? outputs[0];
  for (const [part, end] of [["input", layout ? inputs[0] : null], ["output", output]]) {
    if (end && !ARRAYS[end.type]) {
      throw new Problem(`${name} has ${end.type} ${part}, and LiteRT.js takes float32, int32 or uint8: ${cureFor(part, end.type)}.`);
    }
  }
  if (custom?.startsWith("edgetpu")) {
    throw new Problem(`${name} was compiled for an Edge TPU: choose the .tflite file from before that step.`);
  }
  if (custom) { // LiteRT.js would load it and give what is in its memory
    throw new Problem(`${name} needs the operator ${custom}, which LiteRT.js lacks: convert it with TFLITE_BUILTINS only.`);
  }
  if (!ten.length) {
    throw new Problem(`${name} goes from ${textOf(inputs)} to ${textOf(outputs)}, this page needs a model from 28 x 28 pixels to ten numbers: choose one trained on MNIST.`);
  }
  return { layout, input: { ...inputs[0], shape: layout.shape }, output };
}

/**
 * A .tflite from 28 x 28 grey values to ten numbers, in whatever form it takes and gives them. Make it with
 * `await DigitModel.load(bytes, name)`. paper, ink: the numbers that it takes for grey 0 and 1; hint: how it is asked
 * when that is not the usual way, or "".
 */
export class DigitModel {
  /** Throws Problem for a file that is not such a model, and for one that LiteRT.js cannot run. */
  static async load(bytes, name = "The model") {
    const { layout, input, output } = findEnds(bytes, name);
    const core = await startRuntime();
    const open = [...input.signature, ...output.signature].includes(-1);
    let model = null;
    try {
      const compiled = await core.loadAndCompile(open ? fixShape(bytes, layout.shape) : bytes, { accelerator: "wasm" });
      model = new DigitModel(core, compiled, input, output, open);
      await model.findOutputs(10 * layout.batch);
    } catch (error) {
      model?.delete();
      throw new Problem(`LiteRT.js cannot run ${name} (${firstLine(error)}): copy it again, or convert it anew with TFLITE_BUILTINS only.`);
    }
    await model.findForm(name).catch((error) => {
      model.delete();
      throw error;
    });
    return model;
  }

  constructor(core, compiled, input, output, batchWasOpen) {
    Object.assign(this, { core, compiled, input, output, batchWasOpen, place: 0, paper: 0, ink: 1, hint: "" });
  }

  /** Find the outputs with a number of values; the runtime may list them in another order than the file. */
  async findOutputs(count) {
    const tensor = new this.core.Tensor(new ARRAYS[this.input.type](this.size), this.input.shape);
    const outputs = await this.compiled.run([tensor]); // the first run is slow: it prepares the kernels
    const sizes = outputs.map(({ type }) => type.layout.dimensions.reduce((a, b) => a * b, 1));
    this.places = [...sizes.keys()].filter((k) => sizes[k] === count && outputs[k].type.dtype === this.output.type);
    [tensor, ...outputs].forEach((each) => each.delete());
  }

  get size() {
    return this.input.shape.reduce((a, b) => a * b, 1);
  }

  /** Ask the known digits what the model takes for paper and ink, and whether it gives probabilities. */
  async findForm(name) {
    const digits = knownDigits(), found = [], ranges = possibleRanges(this.input);
    const ask = async (place, [paper, ink]) => {
      Object.assign(this, { place, paper, ink });
      const rows = [];
      for (const digit of digits) rows.push(await this.predict(digit));
      return { place, paper, ink, rows, right: countRight(rows) };
    };
    const better = (a, b) => (b.right > a.right ? b : a);
    const heads = [];
    for (const place of this.places) heads.push(await ask(place, ranges[0]));
    found.push(heads.reduce(better));
    for (const range of ranges.slice(1)) {
      if (found[0].right < ENOUGH) found.push(await ask(found[0].place, range));
    }
    const most = found.reduce(better);
    const { place, paper, ink, rows, right } = most.right >= found[0].right + CLEARLY ? most : found[0];
    Object.assign(this, { place, paper, ink, givesProbabilities: areProbabilities(rows) });
    if (!rows.flatMap((row) => Array.from(row)).every(Number.isFinite)) {
      throw new Problem(`${name} answers with something that is not a number: train or convert it again.`);
    }
    const again = await this.predict(digits[0]);
    if (again.some((x, k) => x !== rows[0][k])) {
      throw new Problem(`${name} keeps something from one image to the next, which this page cannot reset: convert it without state.`);
    }
    if (paper !== 0 || ink !== 1) this.hint = `paper ${+paper.toFixed(2)}, ink ${+ink.toFixed(2)}`;
    if (right < 12) this.hint += `${this.hint && ", "}reads ${right} of 20 known digits`;
  }

  /** What the model gives for values in the type of its input, as it is: a typed array, its first ten are the answer. */
  async invoke(values) {
    const tensor = new this.core.Tensor(values, this.input.shape);
    try {
      const outputs = await this.compiled.run([tensor]);
      const result = firstTen(outputs[this.place]);
      outputs.forEach((output) => output.delete());
      return result;
    } finally {
      tensor.delete(); // the memory of WebAssembly has no garbage collector
    }
  }

  /** The ten numbers that the model gives, Float32Array, for an image: Float32Array of 784 grey values from 0 to 1. */
  async predict(image) {
    const { input, output, paper, ink } = this, values = new ARRAYS[input.type](this.size); // a larger batch: zeros
    image.forEach((grey, k) => {
      const real = paper + grey * (ink - paper);
      if (input.type === "float32") values[k] = real;
      else values[k] = Math.min(255, Math.max(0, Math.round(real / (input.scale || 1)) + (input.zeroPoint || 0)));
    });
    const raw = await this.invoke(values);
    return output.scale ? Float32Array.from(raw, (q) => (q - output.zeroPoint) * output.scale) : Float32Array.from(raw);
  }

  /** Ten probabilities for an image. */
  async probabilities(image) {
    const numbers = await this.predict(image);
    return this.givesProbabilities ? Array.from(numbers) : softmax(numbers);
  }

  delete() {
    this.compiled.delete();
  }
}

/** The ten numbers of the first image in an output, also where its last axis counts the images: [10, batch]. */
function firstTen(output) {
  const numbers = output.toTypedArray(), [rows, images] = output.type.layout.dimensions;
  const step = rows === 10 && images === numbers.length / 10 && images !== 10 ? images : 1;
  return numbers.filter((_, k) => k % step === 0).slice(0, 10);
}

/** Ten probabilities that sum to 1. */
export function softmax(logits) {
  const highest = Math.max(...logits);
  const e = Array.from(logits, (x) => Math.exp(x - highest));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / sum);
}

/**
 * Milliseconds of one run of each model, the median of `parts` means. One run is shorter than a browser's clock can
 * tell, so a mean is taken over some 5 ms. The models take turns: what else the device does then meets all of them.
 */
export async function timeModels(models, image, parts = 9) {
  const means = models.map(() => []);
  for (let part = 0; part < parts; part++) {
    for (const [k, model] of models.entries()) {
      await model.predict(image);
      const start = performance.now();
      let runs = 0, spent = 0;
      do {
        await model.predict(image);
        runs += 1;
        spent = performance.now() - start;
      } while (spent < 5);
      means[k].push(spent / runs);
      await new Promise((resolve) => setTimeout(resolve)); // the page can draw
    }
  }
  return means.map((list) => list.sort((a, b) => a - b)[parts >> 1]);
}
