import java.io.ByteArrayInputStream
import java.io.InputStream
import java.nio.MappedByteBuffer

fun load(asset: InputStream): MappedByteBuffer = asset.readBytes() as MappedByteBuffer

fun main() {
    load(ByteArrayInputStream(byteArrayOf(1, 2, 3)))
}
