// LiteRT.js on the CPU, and a model of digits in it.

import { Problem } from "./problem.js";
import { fixBatch, readModel } from "./tflite.js";

const FOLDER = new URL("runtime/", import.meta.url);
const ARRAYS = { float32: Float32Array, uint8: Uint8Array };
let litert = null;

/** Load the runtime, once. Throws Problem where it cannot run or cannot be brought. */
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
  const packed = await bring(new URL(`${name}.wasm.gz`, FOLDER), "The runtime");
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
export async function bring(address, name) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) {
    throw new Problem(`${name} could not be loaded${response ? ` (the server says ${response.status})` : ""}: check the network, then load the page again.`);
  }
  return response;
}

export const firstLine = (error) => String(error?.message ?? error).split("\n")[0].slice(0, 200);

/** A .tflite from 28 x 28 grey values to ten numbers. Make it with `await DigitModel.load(bytes, name)`. */
export class DigitModel {
  /** Throws Problem for a file that is no such model, and for one that LiteRT.js cannot run. */
  static async load(bytes, name = "The model") {
    const { input, output } = readModel(bytes, name);
    for (const [part, { type }] of [["input", input], ["output", output]]) {
      if (!ARRAYS[type]) {
        throw new Problem(`${name} has ${type} ${part}, and LiteRT.js takes float32 or uint8: convert it with inference_input_type = inference_output_type = tf.uint8.`);
      }
    }
    const size = (shape) => shape.reduce((a, b) => a * b, 1);
    if (size(input.shape) !== 784 || size(output.shape) !== 10) {
      throw new Problem(`${name} goes from [${input.shape}] to [${output.shape}], this page needs a model from 28 x 28 pixels to ten numbers: choose one trained on MNIST.`);
    }
    const core = await startRuntime();
    const open = [...input.signature, ...output.signature].includes(-1);
    let model = null;
    try {
      const compiled = await core.loadAndCompile(open ? fixBatch(bytes) : bytes, { accelerator: "wasm" });
      model = new DigitModel(core, compiled, input, output, open);
      await model.invoke(new ARRAYS[input.type](784)); // the first run is slow: it prepares the kernels
      return model;
    } catch (error) {
      model?.delete();
      throw new Problem(`LiteRT.js cannot run ${name} (${firstLine(error)}): copy it again, or convert it anew with TFLITE_BUILTINS only.`);
    }
  }

  constructor(core, compiled, input, output, batchWasOpen) {
    Object.assign(this, { core, compiled, input, output, batchWasOpen });
  }

  /** What the model gives for values in the type of its input, as it is: a typed array of ten numbers. */
  async invoke(values) {
    const tensor = new this.core.Tensor(values, this.input.shape);
    try {
      const [output] = await this.compiled.run([tensor]);
      const result = output.toTypedArray().slice();
      output.delete();
      return result;
    } finally {
      tensor.delete(); // the memory of WebAssembly has no garbage collector
    }
  }

  /** The ten logits, Float32Array, for an image: Float32Array of 784 grey values from 0 to 1. */
  async predict(image) {
    const { input, output } = this;
    const values = input.type === "float32" ? image : Uint8Array.from(image, (x) =>
      Math.min(255, Math.max(0, Math.round(x / input.scale) + input.zeroPoint)));
    const raw = await this.invoke(values);
    return output.type === "float32" ? raw : Float32Array.from(raw, (q) => (q - output.zeroPoint) * output.scale);
  }

  delete() {
    this.compiled.delete();
  }
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
