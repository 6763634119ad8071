"""The exercises of lab 5: zeros, shared weights, and which sizes they change."""

from tflite_course.labs.lab_5_prune_and_cluster import (
    clustered,
    codebook,
    kmeans_step,
    make_schedule,
    prune_smallest,
    pruned,
    shrink_factors,
)

EXERCISES = {
    "prune_smallest": prune_smallest.EXERCISE,
    "make_schedule": make_schedule.EXERCISE,
    "pruned": pruned.EXERCISE,
    "shrink_factors": shrink_factors.EXERCISE,
    "kmeans_step": kmeans_step.EXERCISE,
    "codebook": codebook.EXERCISE,
    "clustered": clustered.EXERCISE,
}
