package org.example.digits

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.Path
import android.graphics.RectF
import android.view.MotionEvent
import android.view.View

/** A square to draw on. After each stroke `drawn` gets SIDE * SIDE grey values, 0 = paper, 255 = ink. */
@SuppressLint("ViewConstructor")
class DrawingView(context: Context, private val drawn: (IntArray) -> Unit) : View(context) {
    private val bitmap = Bitmap.createBitmap(SIDE, SIDE, Bitmap.Config.ARGB_8888)
    private val ink = Canvas(bitmap)
    private val pen = Paint(Paint.ANTI_ALIAS_FLAG)
    private val stroke = Path()

    init {
        pen.color = Color.WHITE
        pen.style = Paint.Style.STROKE
        pen.strokeWidth = SIDE / 14f
        pen.strokeCap = Paint.Cap.ROUND
        pen.strokeJoin = Paint.Join.ROUND
        clear()
    }

    fun clear() {
        ink.drawColor(Color.BLACK)
        invalidate()
    }

    override fun onMeasure(widthMeasureSpec: Int, heightMeasureSpec: Int) {
        val side = MeasureSpec.getSize(widthMeasureSpec)
        setMeasuredDimension(side, side)
    }

    override fun onDraw(canvas: Canvas) {
        canvas.drawBitmap(bitmap, null, RectF(0f, 0f, width.toFloat(), height.toFloat()), null)
    }

    override fun onTouchEvent(event: MotionEvent): Boolean {
        val x = event.x * SIDE / width
        val y = event.y * SIDE / height
        when (event.actionMasked) {
            MotionEvent.ACTION_DOWN -> {
                stroke.reset()
                stroke.moveTo(x, y)
            }
            MotionEvent.ACTION_MOVE -> stroke.lineTo(x, y)
            MotionEvent.ACTION_UP -> {
                performClick()
                drawn(grey())
            }
        }
        ink.drawPath(stroke, pen)
        invalidate()
        return true
    }

    override fun performClick(): Boolean {
        super.performClick()
        return true
    }

    private fun grey(): IntArray {
        val pixels = IntArray(SIDE * SIDE)
        bitmap.getPixels(pixels, 0, SIDE, 0, 0, SIDE, SIDE)
        return IntArray(pixels.size) { Color.red(pixels[it]) }
    }

    companion object {
        const val SIDE = 280 // pixels that are drawn on, whatever the screen has
    }
}
