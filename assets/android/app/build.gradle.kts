plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.example.digits"
    compileSdk = 35

    defaultConfig {
        applicationId = "org.example.digits"
        minSdk = 24
        targetSdk = 35
        versionCode = 1
        versionName = "1.0"
    }

    androidResources {
        // A compressed model cannot be mapped into memory: openFd() would refuse it. This is the plugin's default since
        // its version 4.1 for .tflite; the line stands here because the app depends on it.
        noCompress += "tflite"
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    kotlinOptions {
        jvmTarget = "17"
    }
}

dependencies {
    // The Interpreter of lesson 03, as org.tensorflow.lite.Interpreter. Version 2 puts CompiledModel in its place.
    implementation("com.google.ai.edge.litert:litert:1.4.2")
}
