"""The exercises of lab 1: split and scale, build and train, find confusions, convert, read a file, fix the batch."""

import functools

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    Mistake,
    compare_function,
    describe,
    mnist,
    require_function,
    require_returned,
    same,
)

LARGEST = 20_000  # parameters of the student's network
ENOUGH = 0.7  # of the test images, after one epoch on 6,000 images; the model solution reaches about 0.9
CONSTANTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
FILES = [
    ("mnist_cnn", "int8"),
    ("mnist_cnn_plain", "float32"),
    ("mnist_ds", "float32"),
    ("mnist_ds", "int8"),
    ("mnist_tiny", "int8"),
]


# --- split_and_scale
def _split(images, labels, held_back, *, scale=lambda x: x / np.float32(255), train=None, valid=None):
    cut = len(images) - held_back
    train, valid = train or slice(None, cut), valid or slice(cut, None)
    return (scale(images[train]), labels[train]), (scale(images[valid]), labels[valid])


def judge_split_and_scale(answer, rng):
    cases = []
    for count, held_back in ((12, 3), (20, 5), (int(rng.integers(9, 30)), 7), (6, 0)):
        images = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        images[0, 0, :2] = 0, 255
        cases.append((images, rng.integers(0, 10, count), held_back))
    cases[1] = (cases[1][0] // 2 + 10, *cases[1][1:])  # no full ink and no paper: the own maximum is a wrong divisor

    def first_held_back(images, labels, held_back):
        return _split(images, labels, held_back, train=slice(held_back, None), valid=slice(held_back))

    def leak(images, labels, held_back):
        return _split(images, labels, held_back, train=slice(None))

    def minus_zero(images, labels, held_back):
        return _split(images, labels, held_back, train=slice(None, -held_back), valid=slice(-held_back, None))

    def swapped(images, labels, held_back):
        return _split(images, labels, held_back)[::-1]

    def flat(images, labels, held_back):
        (x_train, y_train), (x_valid, y_valid) = _split(images, labels, held_back)
        return x_train, y_train, x_valid, y_valid

    def flat_by_kind(images, labels, held_back):
        (x_train, y_train), (x_valid, y_valid) = _split(images, labels, held_back)
        return x_train, x_valid, y_train, y_valid

    def only_train_scaled(images, labels, held_back):
        train, _ = _split(images, labels, held_back)
        return train, (images[len(images) - held_back :], labels[len(images) - held_back :])

    def scaled(scale):
        return functools.partial(_split, scale=scale)

    minus = "`[:-held_back]` means `[:0]` when nothing is held back, and the training set is empty. Cut at len(images) "
    compare_function(
        answer,
        _split,
        cases,
        {
            "the images are not scaled: they still go from 0 to 255. Divide by 255.": scaled(
                lambda x: x.astype(np.float32)
            ),
            "the images are still uint8 from 0 to 255. Divide by 255, as float32.": scaled(lambda x: x),
            "the images are float64. `/ np.float32(255)` stays float32, and LiteRT takes nothing else.": scaled(
                lambda x: x / 255
            ),
            "you divide by 256: full ink becomes 0.996. The largest value is 255.": scaled(
                lambda x: x / np.float32(256)
            ),
            "you divide by 255 twice: the largest value is 0.004, and the images are nearly black.": scaled(
                lambda x: x / np.float32(255) / np.float32(255)
            ),
            "`//` cuts the fraction off, only 0 and 1 are left. Use `/`.": scaled(
                lambda x: (x // 255).astype(np.float32)
            ),
            "you divide by the largest value that you find. Another set has another one: always divide by 255.": scaled(
                lambda x: (x / np.float32(x.max() if x.size else 1)).astype(np.float32)
            ),
            "you cast to float32 after a division in whole numbers.": scaled(
                lambda x: (x.astype(int) // 255).astype(np.float32)
            ),
            "the validation images are not scaled. Both sets need the same preparation.": only_train_scaled,
            "you hold back the first images. Asked are the last ones.": first_held_back,
            "the validation images are part of the training set, so validation tells nothing new.": leak,
            minus + "minus held_back.": minus_zero,
            "the two pairs are exchanged: training comes first.": swapped,
            "return two pairs, `(x_train, y_train), (x_valid, y_valid)`, not four arrays in a row.": flat,
            "return two pairs, `(x_train, y_train), (x_valid, y_valid)`.": flat_by_kind,
        },
        tolerance=1e-6,
    )


# --- build_model and trained
def _keras_model(model):
    """Return a model of Keras 2 with one input and one output, or raise Mistake."""
    import tf_keras as keras

    if not issubclass(type(model), keras.Model):
        if type(model).__module__.split(".")[0] == "keras":
            raise Mistake("this is a model of Keras 3. Build it with `import tf_keras as keras`, which is Keras 2.")
        raise Mistake(f"a Keras model is expected, this is {describe(model)}.")
    if not type(model).__module__.startswith("tf_keras.") or not model.inputs:
        raise Mistake(
            "the shape of the input is not known yet. Begin with `keras.layers.Input((28, 28), name='image')`."
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Mistake(f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs, asked is one each.")
    shape = tuple(model.input_shape)
    if shape == (None, 28, 28, 1):
        raise Mistake(
            "the input has a channel axis, the images have none. Take (28, 28) and add the axis by `Reshape`."
        )
    if shape == (None, 784):
        raise Mistake("the input is a row of 784 numbers. Take (28, 28), so that images fit as they are.")
    if shape != (None, 28, 28):
        raise Mistake(f"the input has the shape {shape}, asked is (None, 28, 28).")
    if tuple(model.output_shape) != (None, 10):
        raise Mistake(
            f"the output has the shape {tuple(model.output_shape)}, asked is (None, 10): one number for each digit."
        )
    return model


def judge_build_model(answer, rng):
    import tf_keras as keras

    if issubclass(type(answer), keras.Model):
        raise Mistake("this is a model. Give the function that builds it, without the brackets.")
    model = _keras_model(require_returned(require_function(answer)()))
    images = rng.random((20, 28, 28), np.float32)
    outputs = np.asarray(model(images, training=False))
    if np.allclose(outputs.sum(1), 1, atol=1e-3) and outputs.min() >= 0:
        raise Mistake("the outputs sum to 1: there is a softmax at the end. Asked are logits, so leave it out.")
    if outputs.min() >= 0:
        raise Mistake("no output is below 0. The last layer has an activation, logits have none.")
    if np.ptp(outputs, axis=0).max() < 1e-6:
        raise Mistake("the outputs do not depend on the image.")
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    if not any(issubclass(type(layer), kinds) for layer in model.submodules):
        raise Mistake("there is no convolution. Dense layers alone forget which pixels are neighbours.")
    if model.count_params() > LARGEST:
        raise Mistake(
            f"the network has {model.count_params():,} parameters, at most {LARGEST:,} are allowed. Most of them stand "
            f"between `Flatten` and `Dense`: pool before it, or take fewer filters."
        )
    names = model.input_names[0], model.output_names[0]
    if names != ("image", "logits"):
        raise Mistake(
            f"the input is called '{names[0]}' and the last layer '{names[1]}', asked are 'image' and 'logits': "
            f"the names become the signature of the file."
        )
    if answer() is model:
        raise Mistake("your function returns the same model each time. Build a new one inside the function.")


@functools.cache
def _shipped_weights():
    """Return the bytes of all arrays with two axes or more in the weights that the course ships."""
    import h5py

    from tflite_course.errors import CourseError
    from tflite_course.models import CHECKPOINTS
    from tflite_course.resources import resource

    found = set()

    def collect(_, item):
        if isinstance(item, h5py.Dataset) and item.ndim >= 2:
            found.add(item[()].tobytes())

    for name in CHECKPOINTS:
        try:
            with h5py.File(resource(f"assets/models/{name}.weights.h5")) as file:
                file.visititems(collect)
        except (CourseError, OSError):  # not every model of the list is shipped
            continue
    return found


def _loses_logits(model):
    """Return whether the model was compiled with a loss that takes its outputs for probabilities."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, str):
        return loss in ("sparse_categorical_crossentropy", "categorical_crossentropy")
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    return config.get("from_logits") is False


def judge_trained(answer, rng):
    if callable(answer) and not hasattr(answer, "get_weights"):
        raise Mistake("this is a function. Call it: `trained = build_model()`, then compile and fit.")
    if type(answer).__name__ == "History":
        raise Mistake("this is what `fit` returns. Keep the model: `trained = build_model()`, then `trained.fit(...)`.")
    model = _keras_model(answer)
    if any(weights.ndim >= 2 and weights.tobytes() in _shipped_weights() for weights in model.get_weights()):
        raise Mistake("these are weights of a model that the course ships. Train your own, it takes a few seconds.")
    if model.count_params() > LARGEST:
        raise Mistake(f"the network has {model.count_params():,} parameters: train the one from `build_model()`.")
    if _loses_logits(model):
        raise Mistake(
            "the loss takes the outputs for probabilities, and your network gives logits. Write "
            "`keras.losses.SparseCategoricalCrossentropy(from_logits=True)`."
        )
    images, labels = mnist()[1]
    chosen = rng.choice(len(images), 2000, replace=False)

    def accuracy(pixels):
        found = [np.asarray(model(part, training=False)).argmax(1) for part in np.split(pixels, 10)]
        return float(np.mean(np.concatenate(found) == labels[chosen]))

    right = accuracy(images[chosen])
    if right >= ENOUGH:
        return
    for hint, pixels in (
        (
            "it learned from 0 to 255 and is tested with 0 to 1. Train with x_small, which is scaled.",
            images[chosen] * 255,
        ),
        ("it learned from images with ink and paper exchanged.", 1 - images[chosen]),
        ("it learned from images with rows and columns exchanged.", images[chosen].swapaxes(1, 2)),
    ):
        if accuracy(pixels) > max(right + 0.1, 0.5):
            raise Mistake(f"only {right:.1%} of 2,000 test images are right: {hint}")
    guess = "that is guessing. Did you call `fit`, with labels in the order of the images?" if right < 0.2 else ""
    more = "train one epoch on 6,000 images, in batches of 64 or fewer, with the optimizer adam."
    raise Mistake(f"only {right:.1%} of 2,000 test images are right, asked are {ENOUGH:.0%}: {guess or more}")


# --- most_confused
def _matrix(predicted, labels):
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def _most(table, matrix):
    true, said = np.unravel_index(int(table.argmax()), (10, 10))
    return int(true), int(said), int(matrix[true, said])


def _off_diagonal(matrix):
    return matrix - np.diag(np.diag(matrix))


def _most_confused(predicted, labels):
    matrix = _off_diagonal(_matrix(predicted, labels))
    return _most(matrix, matrix)


def judge_most_confused(answer, rng):
    cases = []
    for _ in range(5):
        a, b, c, d, e = rng.permutation(10)[:5]
        labels = np.concatenate([rng.integers(0, 10, 400), np.full(40, a), np.full(40, c), np.full(40, d)])
        predicted = labels.copy()
        predicted[400:420] = b  # a is called b 20 times: the right pair
        predicted[440:454], predicted[480:494] = d, c  # c and d both ways: 28 in all, 14 each
        labels, predicted = np.append(labels, [e] * 3), np.append(predicted, [a] * 3)
        order = rng.permutation(len(labels))
        cases.append((predicted[order], labels[order]))

    def exchanged(predicted, labels):
        true, said, count = _most_confused(predicted, labels)
        return said, true, count

    def with_diagonal(predicted, labels):
        matrix = _matrix(predicted, labels)
        return _most(matrix, matrix)

    def both_ways(predicted, labels):
        matrix = _off_diagonal(_matrix(predicted, labels))
        return _most(matrix + matrix.T, matrix + matrix.T)

    def both_ways_counted_once(predicted, labels):
        matrix = _off_diagonal(_matrix(predicted, labels))
        return _most(np.triu(matrix + matrix.T), matrix + matrix.T)

    def count_first(predicted, labels):
        true, said, count = _most_confused(predicted, labels)
        return count, true, said

    def flat_index(predicted, labels):
        return int(_off_diagonal(_matrix(predicted, labels)).argmax())

    def worst_digits(predicted, labels):
        matrix = _off_diagonal(_matrix(predicted, labels))
        return int(matrix.sum(1).argmax()), int(matrix.sum(0).argmax()), int(matrix.max())

    both = "you add both directions. A 4 called 9 and a 9 called 4 are two different mistakes."
    compare_function(
        answer,
        _most_confused,
        cases,
        {
            "label and answer are exchanged. Rows are labels, columns are answers.": exchanged,
            "these are right answers. Leave out those where label and answer agree.": with_diagonal,
            both: both_ways,
            both + " ": both_ways_counted_once,
            "the order is label, answer, number.": count_first,
            "`argmax` counts through the flat table. `np.unravel_index` gives row and column.": flat_index,
            "you look for the worst row and the worst column. Asked is the largest single field.": worst_digits,
        },
    )


# --- convert, one_image
def _random_model(rng):
    """Return an untrained model with random weights and statistics: nobody has its answers at hand."""
    import tf_keras as keras

    layers = keras.layers
    filters = int(rng.integers(3, 7))
    model = keras.Sequential(
        [
            layers.Input((28, 28), name="image"),
            layers.Reshape((28, 28, 1), name="add_channel"),
            layers.Conv2D(filters, 3, strides=2, use_bias=False, name="conv_1"),
            layers.BatchNormalization(name="norm_1"),
            layers.ReLU(name="relu_1"),
            layers.MaxPooling2D(name="pool_1"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(10, name="logits"),
        ],
        name="random_model",
    )
    model.set_weights(
        [rng.uniform(0.2, 0.8, w.shape).astype(np.float32) - 0.3 * (w.ndim > 1) for w in model.get_weights()]
    )
    return model


def _content(value):
    """Return the bytes of a .tflite that a function returned, or raise Mistake that names what it returned instead."""
    if hasattr(value, "convert"):
        raise Mistake("this is the converter. Its method `convert()` returns the file.")
    if type(value) is str or hasattr(value, "__fspath__"):
        raise Mistake("this is a path. Return the bytes that `converter.convert()` gives.")
    if type(value) is not bytes:
        raise Mistake(f"expected are the bytes that `converter.convert()` returns, this is {describe(value)}.")
    return value


def _open(content):
    from tflite_course import evaluation
    from tflite_course.errors import CourseError

    try:
        return evaluation.make_interpreter(content)
    except CourseError as error:
        raise Mistake(str(error)) from None


def _convert_and_check(answer, rng, batch):
    """Return (interpreter, model, images, content) for an answer that converts a random model to float32."""
    require_function(answer)
    model = _random_model(rng)
    before = model.get_weights()
    try:
        value = answer(model)
    except Exception as error:
        if any(name in str(error) for name in ("FusedBatchNorm", "Random", "Dropout")):
            raise Mistake(
                "the layers still behave as in training, and LiteRT has no operators for that: trace the model with "
                "`training=False`."
            ) from None
        raise
    content = _content(require_returned(value))
    if not same(model.get_weights(), before):
        raise Mistake("your function changes the weights of the model that it is given.")
    interpreter = _open(content)
    kinds = {np.dtype(details["dtype"]).name for details in interpreter.get_tensor_details()}
    if kinds & {"int8", "float16", "int16", "uint8"}:
        raise Mistake("the weights are not float32: leave `converter.optimizations` alone, lesson 05 is about it.")
    source = interpreter.get_input_details()
    if len(source) != 1 or tuple(source[0]["shape"][1:]) != (28, 28):
        shape = tuple(int(side) for side in source[0]["shape"])
        raise Mistake(f"the input has the shape {shape}: convert the model that the function is given.")
    signature = int(source[0]["shape_signature"][0])
    if signature != batch:
        said = "open (-1)" if signature == -1 else f"fixed to {signature}"
        raise Mistake(
            f"the batch is {said} in `shape_signature`, asked is {'open (-1)' if batch == -1 else batch}."
            + (" `shape` shows 1 in both files; the signature says what may change." if batch == 1 else "")
        )
    return interpreter, model, rng.random((6, 28, 28), np.float32), content


def _check_logits(interpreter, model, images):
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    answers = []
    for image in images:
        interpreter.set_tensor(source, image[np.newaxis])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target)[0])
    expected = np.asarray(model(images, training=False))
    if not same(np.stack(answers), expected, tolerance=1e-3):
        softmax = np.exp(expected - expected.max(1, keepdims=True))
        if same(np.stack(answers), softmax / softmax.sum(1, keepdims=True), tolerance=1e-3):
            raise Mistake("the file gives probabilities. Convert the model as it is, it gives logits.")
        raise Mistake(
            "the file gives other numbers than the model. Convert the model that the function is given, and trace it "
            "with `training=False`."
        )


def judge_convert(answer, rng):
    interpreter, model, images, _ = _convert_and_check(answer, rng, -1)
    _check_logits(interpreter, model, images)


def judge_convert_for_one(answer, rng):
    interpreter, model, images, content = _convert_and_check(answer, rng, 1)
    names = _operator_names(content)
    if any("RANDOM" in name for name in names):
        raise Mistake("the file draws random numbers: trace the model with `training=False`.")
    _check_logits(interpreter, model, images)
    left = sorted(set(names) & {"SHAPE", "STRIDED_SLICE", "PACK"})
    if left:
        raise Mistake(f"{', '.join(left)} are still there: a shape inside the graph is computed at run time.")
    signatures = list(interpreter.get_signature_list().values())
    if not signatures:
        raise Mistake("the file has no signature: give the converter the model as its second argument.")
    inputs, outputs = signatures[0]["inputs"], signatures[0]["outputs"]
    if (inputs, outputs) != (["image"], ["logits"]):
        raise Mistake(
            f"the signature goes from {inputs} to {outputs}, asked is from ['image'] to ['logits']: name the "
            f"TensorSpec, and return a dictionary."
        )


# --- read_file
def _tables(content):
    from ai_edge_litert import schema_py_generated as schema

    file = schema.Model.GetRootAs(content)
    return schema, file, file.Subgraphs(0)


def _operator_names(content):
    schema, file, graph = _tables(content)
    name_of = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    codes = [file.OperatorCodes(graph.Operators(i).OpcodeIndex()) for i in range(graph.OperatorsLength())]
    return [c.CustomCode().decode() if c.CustomCode() else name_of[c.BuiltinCode()] for c in codes]


def _check_names(found, content):
    right = _operator_names(content)
    if same(found, right):
        return
    if type(found) not in (list, tuple) or not all(type(name) is str for name in found):
        if type(found) in (list, tuple) and found and all(isinstance(name, (int, np.integer)) for name in found):
            raise Mistake("these are numbers. `schema.BuiltinOperator` holds the name of each.")
        raise Mistake(f"the operators are expected as a list of names, this is {describe(found)}.")
    if "DELEGATE" in found:
        raise Mistake("DELEGATE is not in the file: XNNPACK adds it when the interpreter allocates its tensors.")
    if sorted(found) == sorted(set(right)):
        raise Mistake("this names each kind once. Asked is each operator, in the order in which they run.")
    if sorted(found) == sorted(right):
        raise Mistake("the operators are right, their order is not: take the order of the graph.")
    raise Mistake(f"you find {len(found)} operators, {describe(tuple(found[:4]))} ..., the file has {len(right)}.")


def _check_size(found, content):
    _, file, graph = _tables(content)
    tensors = [graph.Tensors(i) for i in range(graph.TensorsLength())]
    sizes = {number: file.Buffers(number).DataLength() for number in {tensor.Buffer() for tensor in tensors}}
    right = sum(sizes.values())
    if same(found, right):
        return
    numbers = sum(int(np.prod(t.ShapeAsNumpy())) for t in tensors if t.ShapeLength() and sizes[t.Buffer()])
    mistakes = {
        len(content): "this is the size of the whole file. Asked are the bytes of the constants.",
        len(content) - right: "this is all else. Asked are the bytes of the constants.",
        sum(sizes[tensor.Buffer()] for tensor in tensors): "two tensors share a buffer. Count each buffer once.",
        sum(file.Buffers(i).DataLength() for i in range(file.BuffersLength())): (
            "you count all buffers of the file, also those of the metadata. Take those that a tensor uses."
        ),
        4 * numbers: "you count four bytes for each number. Not every constant is float32: ask the buffer.",
        numbers: "this is the number of values. Asked are bytes.",
        len(sizes): "this is how many buffers there are. Asked are their bytes.",
    }
    if type(found) is int or isinstance(found, np.integer):
        if int(found) in mistakes:
            raise Mistake(mistakes[int(found)])
        raise Mistake(f"you find {int(found):,} bytes of constants in a file that has {right:,}.")
    raise Mistake(f"the bytes are expected as a whole number, this is {describe(found)}.")


def judge_read_file(answer, rng):
    from tflite_course.models import model_path

    require_function(answer)
    chosen = [FILES[k] for k in rng.permutation(len(FILES))[:3]]
    for name, variant in [("mnist_cnn", "float32"), *chosen]:
        content = model_path(name, variant).read_bytes()
        found = require_returned(answer(content))
        if type(found) not in (tuple, list) or len(found) != 2:
            raise Mistake(f"two things are expected, the list of operators and the bytes, this is {describe(found)}.")
        _check_names(found[0], content)
        _check_size(found[1], content)


EXERCISES = {
    "split_and_scale": Exercise(
        2,
        "split_and_scale(images, labels, held_back) on random uint8 images, also with nothing held back",
        "a wrong range trains without an error, and a leak makes every later number look too good.",
        judge_split_and_scale,
    ),
    "build_model": Exercise(
        2,
        "the model that build_model() returns: Keras 2, input, output, layers, parameters and names",
        "the converter takes the network as it is: what you name and leave open here stands in the file.",
        judge_build_model,
    ),
    "trained": Exercise(
        2,
        "your trained model: its loss, and its accuracy on 2,000 test images",
        "a loss or a scale that does not fit raises no error; only the accuracy shows it.",
        judge_trained,
    ),
    "most_confused": Exercise(
        2,
        "most_confused(predicted, labels) on answers with planted mistakes",
        "one accuracy hides which digits are mixed up, and that is what you can repair.",
        judge_most_confused,
    ),
    "convert": Exercise(
        2,
        "convert(model) on a model with random weights: type, dtype, batch and logits of the file",
        "a file that converts is not yet a file that gives the answers of your model.",
        judge_convert,
    ),
    "read_file": Exercise(
        3,
        "read_file(content) on four .tflite files of the course",
        "a device that lacks one operator cannot run the file, and bytes that are counted twice plan too much memory.",
        judge_read_file,
    ),
    "convert_for_one": Exercise(
        3,
        "convert_for_one(model) on a model with random weights: batch, operators, names and logits of the file",
        "a microcontroller plans its memory once, for shapes that are known before the first run.",
        judge_convert_for_one,
    ),
}
