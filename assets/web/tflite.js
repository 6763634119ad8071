// Read what a .tflite file says about its input and output, before the runtime sees it.
//
// The file is a FlatBuffer: tables whose fields are found through offsets. Numbers of fields are those of LiteRT's
// schema (https://github.com/google-ai-edge/LiteRT/blob/main/tflite/converter/schema/schema.fbs).

import { Problem } from "./problem.js";

const MODEL = { operatorCodes: 1, subgraphs: 2, buffers: 4 };
const OPERATOR_CODE = { customCode: 1 };
const SUBGRAPH = { tensors: 0, inputs: 1, outputs: 2 };
const TENSOR = { shape: 0, type: 1, quantization: 4, shapeSignature: 7 };
const QUANTIZATION = { scale: 2, zeroPoint: 3 };
const TYPES = ["float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64",
  "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16"];

/** Where a field of the table at `table` begins, or 0 when the file leaves it out; slot: where its offset stands. */
function slotOf(view, table, field) {
  const vtable = table - view.getInt32(table, true);
  const slot = vtable + 4 + 2 * field;
  return slot < vtable + view.getUint16(vtable, true) ? slot : 0;
}

function fieldOf(view, table, field) {
  const slot = slotOf(view, table, field);
  const offset = slot && view.getUint16(slot, true);
  return offset && table + offset;
}

const follow = (view, at) => at + view.getUint32(at, true);

/** The positions of a vector's elements of `size` bytes each; [] when the file leaves it out. */
function vectorOf(view, table, field, size) {
  const at = fieldOf(view, table, field);
  if (!at) return [];
  const start = follow(view, at), length = view.getUint32(start, true);
  if (start + 4 + length * size > view.byteLength) throw new RangeError("a vector points past the end");
  return Array.from({ length }, (_, i) => start + 4 + i * size);
}

const tablesOf = (view, table, field) => vectorOf(view, table, field, 4).map((at) => follow(view, at));
const integersOf = (view, table, field) => vectorOf(view, table, field, 4).map((at) => view.getInt32(at, true));

function readTensor(view, table) {
  const type = fieldOf(view, table, TENSOR.type);
  const at = fieldOf(view, table, TENSOR.quantization);
  const quantization = at && follow(view, at);
  const [scale] = quantization ? vectorOf(view, quantization, QUANTIZATION.scale, 4) : [];
  const [zeroPoint] = quantization ? vectorOf(view, quantization, QUANTIZATION.zeroPoint, 8) : [];
  return {
    type: TYPES[type ? view.getUint8(type) : 0] ?? "unknown",
    shape: integersOf(view, table, TENSOR.shape),
    signature: integersOf(view, table, TENSOR.shapeSignature),
    scale: scale === undefined ? 0 : view.getFloat32(scale, true), // 0: its integers are what they say
    zeroPoint: zeroPoint === undefined ? 0 : Number(view.getBigInt64(zeroPoint, true)),
  };
}

/** The names of operators that are not LiteRT's own: Flex..., edgetpu-custom-op, or somebody's. */
function customOperators(view, model) {
  return tablesOf(view, model, MODEL.operatorCodes).flatMap((code) => {
    const characters = vectorOf(view, code, OPERATOR_CODE.customCode, 1).map((at) => view.getUint8(at));
    return characters.length ? [String.fromCharCode(...characters)] : [];
  });
}

/** Look at every buffer of constants: a file that was cut short has one that ends after it. */
function checkBuffers(view, model) {
  for (const buffer of tablesOf(view, model, MODEL.buffers)) {
    const at = fieldOf(view, buffer, 0);
    if (at && follow(view, at) + 4 + view.getUint32(follow(view, at), true) > view.byteLength) {
      throw new RangeError("a buffer ends after the file");
    }
  }
}

/**
 * Return {inputs, outputs, customs} of a .tflite, Uint8Array: lists of {type, shape, signature, scale, zeroPoint}, and the
 * names of its operators that no LiteRT has built in.
 * Throws Problem for a file of another kind, and for one that was cut short or damaged.
 */
export function readModel(bytes, name = "The file") {
  if (bytes.length < 8 || String.fromCharCode(...bytes.subarray(4, 8)) !== "TFL3") {
    throw new Problem(`${name} is not a .tflite file (bytes 4 to 7 must read TFL3): choose the file that the converter wrote.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let inputs, outputs, customs;
  try {
    const model = follow(view, 0), [graph] = tablesOf(view, model, MODEL.subgraphs);
    const tensors = tablesOf(view, graph, SUBGRAPH.tensors);
    checkBuffers(view, model);
    customs = customOperators(view, model);
    [inputs, outputs] = [SUBGRAPH.inputs, SUBGRAPH.outputs].map((field) =>
      integersOf(view, graph, field).map((index) => readTensor(view, tensors[index])));
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new Problem(`${name} is cut short or damaged (${bytes.length.toLocaleString("en")} bytes): copy it again, or convert it anew.`);
  }
  return { inputs, outputs, customs };
}

/**
 * Return the bytes of a .tflite without the marks of open axes, and with a shape for its input. LiteRT.js refuses an
 * open batch; flatbuffer.strip takes the marks away in Python.
 */
export function fixShape(bytes, shape) {
  const fixed = bytes.slice();
  const view = new DataView(fixed.buffer);
  const [first] = tablesOf(view, follow(view, 0), MODEL.subgraphs);
  const input = tablesOf(view, first, SUBGRAPH.tensors)[integersOf(view, first, SUBGRAPH.inputs)[0]];
  vectorOf(view, input, TENSOR.shape, 4).forEach((at, axis) => view.setInt32(at, shape[axis], true));
  for (const graph of tablesOf(view, follow(view, 0), MODEL.subgraphs)) {
    for (const tensor of tablesOf(view, graph, SUBGRAPH.tensors)) {
      const slot = slotOf(view, tensor, TENSOR.shapeSignature);
      if (slot) view.setUint16(slot, 0, true);
    }
  }
  return fixed;
}
