package org.example.digits

import android.app.Activity
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import java.io.IOException
import kotlin.math.roundToInt

/** One screen: a pad, the answer below it, a button that clears. */
class MainActivity : Activity() {
    private var classifier: Classifier? = null
    private lateinit var answer: TextView

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        answer = TextView(this)
        answer.textSize = 24f
        answer.setText(R.string.draw)
        val pad = DrawingView(this) { grey -> show(grey) }
        pad.contentDescription = getString(R.string.pad)
        val clear = Button(this)
        clear.setText(R.string.clear)
        clear.setOnClickListener {
            pad.clear()
            answer.setText(R.string.draw)
        }
        val column = LinearLayout(this)
        column.orientation = LinearLayout.VERTICAL
        column.fitsSystemWindows = true
        column.addView(pad)
        column.addView(answer)
        column.addView(clear)
        setContentView(column)
        classifier = openClassifier()
        if (classifier == null) answer.setText(R.string.no_model)
    }

    /** Returns null when the model is missing, compressed, damaged or another one: the user sees one sentence. */
    private fun openClassifier(): Classifier? =
        try {
            Classifier(mapModel(assets, "model.tflite"))
        } catch (error: IOException) {
            null
        } catch (error: IllegalArgumentException) {
            null
        }

    private fun show(grey: IntArray) {
        val ready = classifier ?: return
        val image =
            try {
                Centering.center(grey, DrawingView.SIDE)
            } catch (error: IllegalArgumentException) {
                answer.setText(R.string.bright)
                return
            }
        if (image == null) {
            answer.setText(R.string.draw)
            return
        }
        val probabilities = ready.classify(image) // a fraction of a millisecond: the main thread can wait
        var digit = 0
        for (k in 1..9) if (probabilities[k] > probabilities[digit]) digit = k
        answer.text = getString(R.string.answer, digit, (100 * probabilities[digit]).roundToInt())
    }

    override fun onDestroy() {
        classifier?.close()
        super.onDestroy()
    }
}
