"""The Android app of lesson 13, as far as it goes without an SDK: a JDK compiles and runs what needs no phone."""

import json
import re
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from tests import ROOT
from tests.tools import centring
from tflite_course.models import model_path

APP = ROOT / "assets" / "android"
SOURCES = APP / "app" / "src" / "main" / "java" / "org" / "example" / "digits"
ANDROID = "{http://schemas.android.com/apk/res/android}"

pytestmark = pytest.mark.xdist_group("android")  # the classes are compiled once

# What stands for Android's classes: the names, arguments and results that the app uses, and nothing behind most of
# them. Only AssetManager works: its asset is a part of a file, as in an APK.
STAND_INS = {
    "android.annotation.SuppressLint": "public @interface SuppressLint { String[] value(); }",
    "android.app.Activity": """public class Activity extends android.content.Context {
        protected void onCreate(android.os.Bundle state) {} protected void onDestroy() {}
        public void setContentView(android.view.View view) {} }""",
    "android.content.Context": """public class Context {
        public android.content.res.AssetManager getAssets() { return null; }
        public String getString(int id, Object... values) { return ""; } }""",
    "android.content.res.AssetFileDescriptor": """public class AssetFileDescriptor implements java.io.Closeable {
        final java.io.RandomAccessFile file; final long start, length;
        AssetFileDescriptor(java.io.RandomAccessFile file, long start, long length) {
            this.file = file; this.start = start; this.length = length; }
        public java.io.FileDescriptor getFileDescriptor() {
            try { return file.getFD(); } catch (java.io.IOException error) { throw new RuntimeException(error); } }
        public long getStartOffset() { return start; }
        public long getDeclaredLength() { return length; }
        public void close() throws java.io.IOException { file.close(); } }""",
    "android.content.res.AssetManager": """public class AssetManager {
        final String apk; final long start, length;
        public AssetManager(String apk, long start, long length) {
            this.apk = apk; this.start = start; this.length = length; }
        public AssetFileDescriptor openFd(String name) throws java.io.IOException {
            if (length < 0) throw new java.io.FileNotFoundException("it is probably compressed");
            return new AssetFileDescriptor(new java.io.RandomAccessFile(apk, "r"), start, length); } }""",
    "android.graphics.Bitmap": """public class Bitmap { public enum Config { ARGB_8888 }
        public static Bitmap createBitmap(int width, int height, Config config) { return null; }
        public void getPixels(int[] to, int offset, int stride, int x, int y, int width, int height) {} }""",
    "android.graphics.Canvas": """public class Canvas { public Canvas(Bitmap bitmap) {}
        public void drawColor(int color) {} public void drawPath(Path path, Paint paint) {}
        public void drawBitmap(Bitmap bitmap, Rect from, RectF to, Paint paint) {} }""",
    "android.graphics.Color": """public class Color { public static final int BLACK = 0xff000000, WHITE = -1;
        public static int red(int color) { return color >> 16 & 255; } }""",
    "android.graphics.Paint": """public class Paint { public static final int ANTI_ALIAS_FLAG = 1;
        public enum Style { STROKE } public enum Cap { ROUND } public enum Join { ROUND }
        public Paint(int flags) {} public void setColor(int color) {} public int getColor() { return 0; }
        public void setStyle(Style style) {} public Style getStyle() { return null; }
        public void setStrokeWidth(float width) {} public float getStrokeWidth() { return 0; }
        public void setStrokeCap(Cap cap) {} public Cap getStrokeCap() { return null; }
        public void setStrokeJoin(Join join) {} public Join getStrokeJoin() { return null; } }""",
    "android.graphics.Path": """public class Path { public void reset() {}
        public void moveTo(float x, float y) {} public void lineTo(float x, float y) {} }""",
    "android.graphics.Rect": "public class Rect {}",
    "android.graphics.RectF": "public class RectF { public RectF(float a, float b, float c, float d) {} }",
    "android.os.Bundle": "public class Bundle {}",
    "android.view.MotionEvent": """public class MotionEvent {
        public static final int ACTION_DOWN = 0, ACTION_UP = 1, ACTION_MOVE = 2;
        public float getX() { return 0; } public float getY() { return 0; }
        public int getActionMasked() { return 0; } }""",
    "android.view.View": """public class View { public View(android.content.Context context) {}
        public static class MeasureSpec { public static int getSize(int spec) { return 0; } }
        public interface OnClickListener { void onClick(View view); }
        protected void onMeasure(int width, int height) {} protected void onDraw(android.graphics.Canvas canvas) {}
        protected void setMeasuredDimension(int width, int height) {} public void invalidate() {}
        public boolean onTouchEvent(MotionEvent event) { return false; } public boolean performClick() { return true; }
        public int getWidth() { return 1; } public int getHeight() { return 1; }
        public void setContentDescription(CharSequence text) {}
        public CharSequence getContentDescription() { return ""; }
        public void setFitsSystemWindows(boolean fits) {} public boolean getFitsSystemWindows() { return true; }
        public void setOnClickListener(OnClickListener listener) {} }""",
    "android.widget.Button": """public class Button extends TextView {
        public Button(android.content.Context context) { super(context); } }""",
    "android.widget.LinearLayout": """public class LinearLayout extends android.view.View {
        public static final int VERTICAL = 1;
        public LinearLayout(android.content.Context context) { super(context); }
        public void setOrientation(int way) {} public int getOrientation() { return 1; }
        public void addView(android.view.View view) {} }""",
    "android.widget.TextView": """public class TextView extends android.view.View {
        public TextView(android.content.Context context) { super(context); }
        public final void setText(int id) {} public final void setText(CharSequence text) {}
        public CharSequence getText() { return ""; }
        public void setTextSize(float size) {} public float getTextSize() { return 0; } }""",
    "org.tensorflow.lite.Interpreter": """public class Interpreter implements AutoCloseable {
        public static class Options { public Options setNumThreads(int count) { return this; } }
        public Interpreter(java.nio.ByteBuffer model, Options options) {}
        public Tensor getInputTensor(int index) { return null; }
        public Tensor getOutputTensor(int index) { return null; }
        public void run(Object input, Object output) {} public void close() {} }""",
    "org.tensorflow.lite.Tensor": """public interface Tensor { int numBytes(); QuantizationParams quantizationParams();
        class QuantizationParams { public float getScale() { return 0; } public int getZeroPoint() { return 0; } } }""",
}

# Run by the tests: maps "the asset", or centres drawings: on standard input their number, then height, width and bytes
# of each; on standard output a byte for the outcome, as in data/centring.npz, and 784 bytes.
HARNESS = """package org.example.digits;
import android.content.res.AssetManager;
import java.nio.MappedByteBuffer;
public class Harness {
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("map")) {
            AssetManager assets = new AssetManager(
                    arguments[1], Long.parseLong(arguments[2]), Long.parseLong(arguments[3]));
            MappedByteBuffer model = ModelFile.map(assets, "model.tflite");
            byte[] content = new byte[model.remaining()];
            model.get(content);
            System.err.println(model.isDirect() + " " + model.isReadOnly());
            System.out.write(content);
        } else {
            java.io.DataInputStream source = new java.io.DataInputStream(System.in);
            for (int left = source.readInt(); left > 0; left--) {
                int tall = source.readInt(), wide = source.readInt();
                byte[] raw = source.readNBytes(tall * wide);
                int[] grey = new int[raw.length];
                for (int i = 0; i < raw.length; i++) grey[i] = raw[i] & 255;
                int[] image = null;
                int outcome = 1;
                try {
                    image = Centering.center(grey, tall, wide);
                    if (image != null) outcome = 0;
                } catch (IllegalArgumentException bright) {
                    outcome = 2;
                }
                System.out.write(outcome);
                for (int i = 0; i < 28 * 28; i++) System.out.write(image == null ? 0 : image[i]);
            }
        }
        System.out.flush();
    }
}
"""


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, timeout=300, **options)


def javac(folder, *files):
    """Compile; return what javac says, in English."""
    done = run("javac", "-J-Duser.language=en", "-Xlint:all", "-encoding", "utf-8", "-d", folder, *files, text=True)
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """The app's Java classes, compiled with the stand-ins, and the program that runs them."""
    if not shutil.which("javac"):
        pytest.skip("There is no Java compiler: install a JDK (Debian: apt-get install default-jdk-headless).")
    folder = tmp_path_factory.mktemp("java")
    for name, body in STAND_INS.items():
        package, _, _ = name.rpartition(".")
        file = folder / "source" / (name.replace(".", "/") + ".java")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"package {package};\n{body}\n")
    (folder / "source" / "Harness.java").write_text(HARNESS)
    code, said = javac(folder / "classes", *(folder / "source").rglob("*.java"), *SOURCES.glob("*.java"))
    assert code == 0, said
    assert "digits" not in said, said  # a warning in the app's own sources
    return folder / "classes"


def harness(classes, *arguments, **options):
    return run("java", "-cp", classes, "org.example.digits.Harness", *arguments, **options)


def test_mapping_gives_the_model_and_nothing_else(classes, tmp_path):
    """The descriptor is that of a whole file: without the offset the buffer would begin with other bytes."""
    model = model_path("mnist_small", "int8").read_bytes()
    apk = tmp_path / "app.apk"
    apk.write_bytes(b"PK" + bytes(5000) + model + bytes(777))
    done = harness(classes, "map", apk, 5002, len(model))
    assert done.stdout == model and done.stderr.decode().split() == ["true", "true"]
    assert harness(classes, "map", apk, 0, len(model)).stdout != model


def test_a_compressed_model_is_refused_as_android_does(classes, tmp_path):
    done = harness(classes, "map", tmp_path / "app.apk", 0, -1)
    assert done.returncode and b"FileNotFoundException" in done.stderr


def as_input(cases):
    """Return the drawings of cases as a program takes them on its standard input."""
    parts = [struct.pack(">2i", *case.drawing.shape) + case.drawing.tobytes() for case in cases]
    return struct.pack(">i", len(parts)) + b"".join(parts)


def check_centring(output, cases):
    """Compare what a program gave, an outcome and 784 bytes for each drawing, with data/centring.npz."""
    found = np.frombuffer(output, np.uint8).reshape(len(cases), 1 + 784)
    assert found[:, 0].tolist() == [case.outcome for case in cases]
    expected = np.stack([np.round(case.image.ravel() * 255) for case in cases])
    different = np.flatnonzero((found[:, 1:] != expected).any(axis=1))
    assert len(different) == 0, f"{len(different)} of {len(cases)} differ, first {different[:5]}"


def test_java_centres_as_data_centring_says(classes):
    cases = centring.load_cases()
    check_centring(harness(classes, "center", input=as_input(cases)).stdout, cases)


SWIFT_MAIN = """import Foundation
let input = [UInt8](FileHandle.standardInput.readDataToEndOfFile())
var place = 0
func number() -> Int {
    place += 4
    return input[(place - 4) ..< place].reduce(0) { $0 << 8 | Int($1) }
}
var output = Data()
for _ in 0 ..< number() {
    let (tall, wide) = (number(), number())
    let grey = Array(input[place ..< (place + tall * wide)])
    place += tall * wide
    var outcome: UInt8 = 1
    var image = [UInt8](repeating: 0, count: 784)
    do {
        if let found = try center(grey, tall: tall, wide: wide) { (outcome, image) = (0, found) }
    } catch { outcome = 2 }
    output.append(outcome)
    output.append(contentsOf: image)
}
FileHandle.standardOutput.write(output)
"""


def test_swift_centres_as_data_centring_says(tmp_path):
    if not shutil.which("swiftc"):
        pytest.skip("Centering.swift was not run: there is no Swift compiler here (swift.org). It is only parsed.")
    (tmp_path / "main.swift").write_text(SWIFT_MAIN)
    shutil.copy(ROOT / "assets" / "ios" / "Centering.swift", tmp_path)
    run("swiftc", "-O", "main.swift", "Centering.swift", "-o", "centre", cwd=tmp_path, check=True)
    cases = centring.load_cases()
    check_centring(run(tmp_path / "centre", input=as_input(cases), check=True).stdout, cases)


def wrong(name):
    return APP / "wrong" / name


def messages():
    return json.loads(wrong("messages.json").read_text(encoding="utf-8"))


def test_a_byte_array_cannot_be_cast(classes, tmp_path):
    code, said = javac(tmp_path, wrong("Cast.java"))
    assert code == 1 and messages()["Cast.java"] in said and said.rstrip().endswith("1 error")


def test_a_wrapped_array_compiles_and_fails_when_it_runs(classes, tmp_path):
    code, said = javac(tmp_path, wrong("Wrap.java"))
    assert code == 0, said
    done = run("java", "-cp", tmp_path, "Wrap", text=True)
    assert done.returncode == 1 and messages()["Wrap.java"] in done.stderr


KOTLIN_LIBRARY = Path("/usr/share/java/kotlin-stdlib.jar")  # where Debian's package kotlin puts it


def kotlinc(folder, *files, classpath=()):
    """Compile Kotlin; return the code and what the compiler says of the files."""
    if not shutil.which("kotlinc") or not KOTLIN_LIBRARY.is_file():
        pytest.skip("There is no Kotlin compiler: install it (Debian: apt-get install kotlin).")
    path = ":".join(map(str, (KOTLIN_LIBRARY, *classpath)))
    done = run("kotlinc", *files, "-no-stdlib", "-no-reflect", "-classpath", path, "-d", folder, text=True)
    return done.returncode, "\n".join(line for line in done.stderr.splitlines() if ".kt:" in line or "error:" in line)


def test_the_cast_in_kotlin_is_a_warning_and_fails_when_it_runs(classes, tmp_path):
    code, said = kotlinc(tmp_path, wrong("Cast.kt"))
    assert code == 0 and messages()["Cast.kt"] in said
    done = run("java", "-cp", f"{tmp_path}:{KOTLIN_LIBRARY}", "CastKt", text=True)
    assert done.returncode == 1 and "ClassCastException" in done.stderr


def test_the_kotlin_sources_compile_with_the_stand_ins(classes, tmp_path):
    names = re.findall(r'<string name="(\w+)"', (APP / "app/src/main/res/values/strings.xml").read_text())
    resources = tmp_path / "R.java"  # what the Android plugin makes of the resources
    fields = " ".join(f"public static final int {name} = {k};" for k, name in enumerate(names))
    resources.write_text(
        f"package org.example.digits; public final class R {{ public static final class string {{ {fields} }} }}"
    )
    assert javac(tmp_path, resources)[0] == 0
    code, said = kotlinc(tmp_path / "app", *SOURCES.glob("*.kt"), SOURCES, classpath=[classes, tmp_path])
    assert code == 0 and "error" not in said, said


def test_the_manifest_and_the_strings_are_well_formed():
    manifest = ElementTree.parse(APP / "app/src/main/AndroidManifest.xml").getroot()
    assert manifest.findall("uses-permission") == [], "the app says that it asks for no permission"
    activity = manifest.find("application/activity")
    assert activity.get(ANDROID + "name") == ".MainActivity" and activity.get(ANDROID + "exported") == "true"
    actions = [action.get(ANDROID + "name") for action in activity.iter("action")]
    assert actions == ["android.intent.action.MAIN"]
    defined = {tag.get("name") for tag in ElementTree.parse(APP / "app/src/main/res/values/strings.xml").getroot()}
    used = set(re.findall(r"R\.string\.(\w+)", "".join(file.read_text() for file in SOURCES.glob("*.kt"))))
    assert used | {"app_name"} == defined
    assert manifest.find("application").get(ANDROID + "label") == "@string/app_name"


def test_gradle_files_agree_with_the_sources():
    build = (APP / "app" / "build.gradle.kts").read_text()
    package = re.search(r'namespace = "(.*)"', build)[1]
    assert all(f"package {package}" in file.read_text() for file in SOURCES.iterdir())
    assert SOURCES.relative_to(APP / "app/src/main/java").as_posix() == package.replace(".", "/")
    assert 'noCompress += "tflite"' in build, "a compressed model cannot be mapped"
    assert re.search(r'implementation\("com.google.ai.edge.litert:litert:1\.\d+\.\d+"\)', build), "pinned"
    assert "gradlePluginPortal()" in (APP / "settings.gradle.kts").read_text()
    for file in APP.rglob("*.kts"):
        text = re.sub(r'"[^"]*"', "", file.read_text())
        assert text.count("{") == text.count("}") and text.count("(") == text.count(")"), file.name


def test_the_loader_keeps_to_the_rules():
    """Both loaders use the asset's own offset and length and close what they open; neither casts to a mapped buffer."""
    for name, closes in (("ModelFile.java", "try ("), ("Classifier.kt", ".use {")):
        text = (SOURCES / name).read_text()
        code = re.sub(r"/\*.*?\*/|//.*", "", text, flags=re.S)
        assert "startoffset" in code.lower() and "declaredlength" in code.lower() and closes in code
        assert "(MappedByteBuffer)" not in code and "as MappedByteBuffer" not in code


def test_the_readme_names_every_source():
    text = (APP / "README.md").read_text()
    assert all(file.name in text for file in SOURCES.iterdir()) and "not built" in text


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "ios").glob("*.swift")), ids=lambda path: path.stem)
def test_swift_sources_have_no_mistake_of_grammar(path):
    """Not compiled: there is no Xcode. A parser reads them, so brackets, keywords and arguments are in their places."""
    cure = "Swift cannot be parsed here: `pip install tree-sitter tree-sitter-swift`."
    tree_sitter = pytest.importorskip("tree_sitter", reason=cure)
    grammar = pytest.importorskip("tree_sitter_swift", reason=cure)
    tree = tree_sitter.Parser(tree_sitter.Language(grammar.language())).parse(path.read_bytes())
    assert not tree.root_node.has_error


def test_the_iphone_app_maps_its_model():
    code = re.sub(r"//.*", "", (ROOT / "assets" / "ios" / "LiteRTClassifier.swift").read_text())
    assert "Interpreter(modelPath: path)" in code and "Data(contentsOf" not in code
    text = (ROOT / "assets" / "ios" / "README.md").read_text()
    assert all(file.name in text for file in (ROOT / "assets" / "ios").glob("*.swift")) and "not compiled" in text
