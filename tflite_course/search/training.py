"""Train networks of the space: briefly, to compare them, or for longer, to keep one."""

import numpy as np

from tflite_course.search.space import build

BATCH, BETA_1, BETA_2 = 32, 0.9, 0.999


class Proxy:
    """What a search asks of a network: a short training on some images, and right answers on others after each epoch.

    images: (x, y), validation: (x, y), float32 (n, 28, 28) and int (n,); epochs: the most that a network gets, over
    which the learning rate falls from `rate` to zero; seed: of the weights and of the order of the images, so that one
    network gets the same accuracies again.
    """

    def __init__(self, images, validation, *, epochs=3, rate=1e-2, seed=1):
        self.images, self.validation, self.epochs, self.rate, self.seed = images, validation, epochs, rate, seed
        self.known = {}  # text of a network: the accuracies that it had

    def accuracies(self, network):
        """Yield the share of right validation answers, after one epoch more each time; nobody must take all.

        What was trained before is not trained again for the epochs that are known.
        """
        known = self.known.setdefault(str(network), [])
        yield from tuple(known)
        for epoch, accuracy in enumerate(self._train(network), 1):
            if epoch > len(known):
                known.append(accuracy)
                yield accuracy

    def _train(self, network):
        import tf_keras as keras

        keras.backend.clear_session()
        keras.utils.set_random_seed(self.seed)
        model, (x, y) = build(network), self.validation
        for _ in train(model, self.images, self.epochs, self.rate, self.seed):
            digits = model(x[..., np.newaxis], training=False).numpy().argmax(axis=1)
            yield float(np.mean(digits == y))


def train(model, images, epochs, rate, seed):
    """Train a network of the space by Adam and yield after each epoch, the number of epochs so far.

    images: (x, y); rate: the learning rate, which falls as a cosine to zero. It is one compiled loop around the bare
    operator of Adam: fit() and an optimizer of Keras take longer to start than such a small network takes to learn.
    """
    import tensorflow as tf

    x, y = tf.constant(images[0][..., np.newaxis]), tf.constant(images[1], tf.int32)
    steps, weights = len(images[1]) // BATCH, model.trainable_variables
    means, squares = ([tf.Variable(tf.zeros_like(weight)) for weight in weights] for _ in range(2))

    @tf.function(reduce_retracing=True)
    def one_epoch(order, before):
        for step in tf.range(steps):
            with tf.GradientTape() as tape:
                logits = model(tf.gather(x, order[step]), training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.gather(y, order[step]), logits)
                loss = tf.reduce_mean(losses)
            done = tf.cast(before + step, tf.float32)
            cosine = 0.5 + 0.5 * tf.cos(np.pi * done / (epochs * steps))
            powers = {"beta1_power": BETA_1 ** (done + 1), "beta2_power": BETA_2 ** (done + 1)}
            for weight, mean, square, gradient in zip(
                weights, means, squares, tape.gradient(loss, weights), strict=True
            ):
                tf.raw_ops.ResourceApplyAdam(
                    var=weight.handle,
                    m=mean.handle,
                    v=square.handle,
                    grad=gradient,
                    lr=rate * cosine,
                    **powers,
                    beta1=BETA_1,
                    beta2=BETA_2,
                    epsilon=1e-7,
                )

    draw = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = draw.permutation(len(images[1]))[: steps * BATCH].reshape(steps, BATCH)
        one_epoch(tf.constant(order, tf.int32), tf.constant(epoch * steps))
        yield epoch + 1
