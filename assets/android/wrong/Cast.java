import java.io.IOException;
import java.io.InputStream;
import java.nio.MappedByteBuffer;

class Cast {
    static MappedByteBuffer load(InputStream asset) throws IOException {
        byte[] content = new byte[asset.available()];
        asset.read(content);
        return (MappedByteBuffer) content;
    }
}
