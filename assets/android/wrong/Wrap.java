import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;

class Wrap {
    static MappedByteBuffer load(InputStream asset) throws IOException {
        return (MappedByteBuffer) ByteBuffer.wrap(asset.readAllBytes());
    }

    public static void main(String[] arguments) throws IOException {
        load(new ByteArrayInputStream(new byte[] {1, 2, 3}));
    }
}
