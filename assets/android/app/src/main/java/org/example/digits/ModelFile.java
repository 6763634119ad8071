package org.example.digits;

import android.content.res.AssetFileDescriptor;
import android.content.res.AssetManager;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;

/** The model as memory that the operating system maps from the installed app: nothing is read, nothing is copied. */
final class ModelFile {
    private ModelFile() {}

    /**
     * Maps an asset. The asset is a part of the app's file, the APK, so the descriptor is that of the whole APK: only
     * the bytes from its start offset on, as many as its length says, are the model.
     *
     * <p>Descriptor and stream are closed at the end; the mapping outlives them.
     *
     * @throws IOException if there is no such asset, or if it is stored compressed (see noCompress in build.gradle.kts)
     */
    static MappedByteBuffer map(AssetManager assets, String name) throws IOException {
        try (AssetFileDescriptor asset = assets.openFd(name);
                FileInputStream stream = new FileInputStream(asset.getFileDescriptor())) {
            return stream.getChannel()
                    .map(FileChannel.MapMode.READ_ONLY, asset.getStartOffset(), asset.getDeclaredLength());
        }
    }
}
