package org.example.digits

import android.content.res.AssetManager
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.MappedByteBuffer
import java.nio.channels.FileChannel
import kotlin.math.exp
import kotlin.math.roundToInt
import org.tensorflow.lite.Interpreter

/** Maps an asset into memory: ModelFile.map in Kotlin. Its comments say why each line is there. */
fun mapModel(assets: AssetManager, name: String): MappedByteBuffer =
    assets.openFd(name).use { asset ->
        FileInputStream(asset.fileDescriptor).use { stream ->
            stream.channel.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.declaredLength)
        }
    }

/** The five steps of lesson 03 for a model with int8 input and output. Call it from one thread at a time. */
class Classifier(model: MappedByteBuffer) : AutoCloseable {
    private val interpreter = Interpreter(model, Interpreter.Options().setNumThreads(2)) // loads and allocates
    private val input = ByteBuffer.allocateDirect(Centering.SIDE * Centering.SIDE).order(ByteOrder.nativeOrder())
    private val output = Array(1) { ByteArray(10) }

    init {
        require(interpreter.getInputTensor(0).numBytes() == input.capacity()) {
            "The model takes other images than 28 x 28 in int8."
        }
    }

    /** Returns ten probabilities for 28 * 28 grey values from 0 to 255. */
    fun classify(grey: IntArray): FloatArray {
        val source = interpreter.getInputTensor(0).quantizationParams()
        input.rewind()
        for (value in grey) {
            val step = (value / 255f / source.scale).roundToInt() + source.zeroPoint
            input.put(step.coerceIn(-128, 127).toByte())
        }
        input.rewind()
        interpreter.run(input, output)
        val target = interpreter.getOutputTensor(0).quantizationParams()
        return softmax(FloatArray(10) { (output[0][it] - target.zeroPoint) * target.scale })
    }

    override fun close() = interpreter.close()
}

fun softmax(logits: FloatArray): FloatArray {
    var largest = logits[0]
    for (logit in logits) largest = maxOf(largest, logit)
    val powers = FloatArray(logits.size) { exp(logits[it] - largest) }
    val sum = powers.sum()
    return FloatArray(powers.size) { powers[it] / sum }
}
